// Session: one WebSocket client, from the upgrade to the end.
//
//   opening -> open -> draining -> closed        (only ever forward)
//
//   opening   upgraded; its token is being checked
//   open      it was told `connection`, and receives
//   draining  our close frame is on its way; nothing new is taken
//   closed    gone; the object lives until its connection has let go
//
// The session keeps what is true of any client: who it is, its heartbeat, its limits and its end.
// What its messages mean is the MessageHandler's affair (Requests in the daemon).
//
// Thread: its lane only. Lifetime: owned by its connection; borrows the lane's parts.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "client/link.hpp"
#include "client/standing.hpp"
#include "client/usage.hpp"
#include "client/wheel.hpp"
#include "config/config.hpp"
#include "core/error_code.hpp"
#include "core/ws_frame.hpp"

namespace zws {

class Session;

class MessageHandler {
 public:
  virtual ~MessageHandler() = default;

  virtual void on_message(Session& session, std::string_view message, bool binary) = 0;
  // The session's own time has come: heartbeat and stalls are seen to already.
  virtual void on_timer(Session& session, SteadyTime now) = 0;
  // It reads too slowly: an event of `topic` was dropped, which it will be told.
  virtual void on_loss(const Session& session, std::string_view topic) noexcept = 0;
  // Its outbox holds counts of very many topics: book them.
  virtual void on_replaced(Session&) {}
  // Its queue has room for what a long request still has to be told.
  virtual void on_room(Session&) noexcept {}
  // It receives nothing more: our close frame follows, or it is gone. Called once.
  virtual void on_leave(Session& session) noexcept = 0;
};

// What all sessions of a lane share.
struct SessionRules {
  ConfigPtr config;
  Wheel* wheel = nullptr;
  MessageHandler* handler = nullptr;
  LaneMetrics* metrics = nullptr;
  const Clock* clock = nullptr;
};

// A session's places, which it gives back at its end. Kept by its lane.
struct LanePlace {
  std::uint64_t ticket = 0;      // its number on the lane, never used again
  std::size_t index = 0;         // among the lane's sessions
  bool address_counted = false;  // in Admission
};

class Session final : public Wheel::Timer {
 public:
  enum class State : std::uint8_t { opening, open, draining, closed };
  using Id = std::array<std::uint8_t, 16>;

  Session(Link& link, const SessionRules& rules, std::string address);
  ~Session() override;

  State state() const noexcept { return state_; }
  // It receives nothing more; only its end is still to come. Nobody may subscribe for it again.
  bool left() const noexcept { return state_ == State::draining || state_ == State::closed; }
  Outbox& outbox() noexcept { return link_.outbox(); }
  const Outbox& outbox() const noexcept { return link_.outbox(); }
  const SessionRules& rules() const noexcept { return rules_; }
  const Config& config() const noexcept { return *rules_.config; }
  // The client's own address once trusted proxies have been asked.
  const std::string& address() const noexcept { return address_; }
  void set_address(std::string address) { address_ = std::move(address); }
  std::string client_id() const;  // a UUID
  std::string log_name() const;   // client, user and address, for a log line
  const IdentityPtr& identity() const noexcept { return standing.identity; }  // null: anonymous
  WallTime connected() const noexcept { return connected_; }
  std::uint16_t close_code() const noexcept { return close_code_; }

  // From opening to open.
  void open();

  void send(Opcode opcode, std::string_view payload) noexcept;
  void send_text(std::string_view text) noexcept { send(Opcode::text, text); }
  // Tells the client what is wrong, and counts it: {"type":"error",...}, or an answer of its own.
  void send_error(ErrorCode code, std::string_view message, std::string_view id = {});
  void refuse(ErrorCode code, std::string_view text) noexcept;

  // Tells the client why and closes; open -> draining. Later calls change nothing.
  void close(CloseCode code) noexcept;

  // Tells the client to come back, perhaps to another bridge, at a moment of its own within `time`, and
  // closes with 1012 then. Who is not greeted yet is told behind the greeting.
  void send_away(Duration time) noexcept;

  // The connection has ended, whoever ended it.
  void on_closed(std::uint16_t code) noexcept;

  void on_message(std::string_view message, bool binary);
  // The next bytes of its frames, of which a message may come: what costs without one is charged. Who has
  // no room left for that is not read for a while.
  void on_bytes(std::string_view bytes) noexcept;
  void heard(SteadyTime now) noexcept { last_heard_ = now; }
  // The rules have another configuration.
  void on_reload() noexcept;
  void on_room() noexcept {
    if (usage.long_request) rules_.handler->on_room(*this);
  }
  // Nothing more is read while a token is being checked, or a long request or a get_stats answered, nor
  // while what came has used up its rate.
  bool busy() const noexcept {
    return usage.pending != nullptr || usage.long_request != nullptr ||
           (left() ? unheard_ : reads_at_ != SteadyTime::max());
  }
  // It could not be heard while nothing was read, so its silence begins now.
  void go_on_reading() noexcept;
  // Ends it without further words, on the loop's next turn.
  void abort() noexcept { link_.abort(); }

  // Memory that it takes, about; once it has left, what of that is still to be given back.
  std::size_t held_bytes() const noexcept;
  // Closes it with 4410 for that. Of a message that has not ended nothing more is read.
  void close_for_memory() noexcept;
  void on_loss(std::string_view topic) noexcept { rules_.handler->on_loss(*this, topic); }
  void on_overflow() noexcept { close(CloseCode::slow_consumer); }
  void on_replaced() noexcept;
  void on_blocked() noexcept;
  void on_timer(SteadyTime now) noexcept override;

  // Fires on_timer of the handler at or after `when`.
  void wake_at(SteadyTime when) noexcept;

  // The request was one for a WebSocket, and was answered 101. Called once, by the Server.
  void on_upgraded() noexcept { upgraded_ = true; }
  bool upgraded() const noexcept { return upgraded_; }

  // What others keep of this client, each its own; whoever else wants to know may read it.
  Standing standing;  // SignIn: who it is, and until when
  Usage usage;        // Requests: what it asks of the bridge
  LanePlace place;    // its lane

 private:
  double luck() const noexcept;
  void leave_at(SteadyTime when, SteadyTime now) noexcept;
  void tell_reconnect(SteadyTime now) noexcept;
  SteadyTime too_old() const noexcept;
  SteadyTime next_deadline(SteadyTime now) const noexcept;
  void rearm(SteadyTime now) noexcept;

  Link& link_;
  const SessionRules& rules_;
  std::string address_;
  Id id_;
  WallTime connected_;
  SteadyTime last_heard_;
  SteadyTime next_ping_;
  SteadyTime handler_deadline_;
  SteadyTime close_deadline_{};
  SteadyTime leaves_ = SteadyTime::max();  // when it is closed with 1012
  SteadyTime opened_{};
  SteadyTime reads_at_ = SteadyTime::max();  // when what it says is read again; max: it is
  std::uint16_t close_code_ = 0;
  State state_ = State::opening;
  bool unheard_ = false;    // it has left, and what it says is not read
  std::uint8_t pings_ = 0;  // that it may still answer
  bool upgraded_ = false;   // false: nothing came, or a plain HTTP request
};

}  // namespace zws
