// Transport: our transport policy under websocketpp's connection.
//
// It replaces the stock Asio transport because that one posts and allocates for each send, and knows
// neither how much is unsent nor when it has left (docs/decisions/0001 has the figures).
// Here a write is tried at once and completes inline, what the socket does not take waits in the
// Outbox, which also carries the event bundles, and reading stops while that queue is at its bound.
//
//   idle -> open -> flushing -> lingering -> closed
//
//   flushing    websocketpp is done with it; the rest of the outbox still leaves
//   lingering   our side is shut; what the peer still sends is read and thrown away, so that it can
//               read our last words (a reset would destroy them)
//
// Thread: its lane only. Lifetime: its lane's Connections hold it from adopt() to drop(); its end is on
// the page at the top of connections.hpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <websocketpp/common/connection_hdl.hpp>
#include <websocketpp/transport/base/connection.hpp>
#include <websocketpp/uri.hpp>

#include "client/link.hpp"
#include "client/session.hpp"
#include "client/wheel.hpp"
#include "client/wire.hpp"
#include "port/descriptor.hpp"
#include "port/handshake_line.hpp"

namespace zws {

// The websocketpp connection, as its transport and its session see it.
class Peer : public Link {
 public:
  virtual ~Peer() = default;

  // The client did not finish its request in time.
  virtual void on_deadline() noexcept = 0;
  // Ends the websocketpp connection; called from the loop, never from inside its own calls.
  virtual void terminate() noexcept = 0;
};

class Connections;

// What a lane gives to each of its connections. Lifetime: outlives them.
struct TransportContext {
  Connections* connections = nullptr;
  asio::io_context* loop = nullptr;
  SessionRules rules;
  // A socket is about to be read or written. Of thousands that are ready at once each has its turn
  // before anything else on the loop; so here is where something else may have one between them.
  std::function<void()> between = [] {};
  HandshakeLine* handshakes = nullptr;  // where TLS handshakes wait for each other; null: nowhere
};

class Transport : public std::enable_shared_from_this<Transport>, private Outbox::Owner {
 public:
  // --- names that websocketpp expects ---
  using ptr = std::shared_ptr<Transport>;
  struct timer {
    void cancel() noexcept {}
  };
  using timer_ptr = std::shared_ptr<timer>;

  template <typename Access, typename Errors>
  Transport(bool, const Access&, const Errors&) {}
  virtual ~Transport();

  ptr get_shared() { return shared_from_this(); }
  bool is_secure() const noexcept { return wire_ && wire_->secure(); }
  void set_uri(websocketpp::uri_ptr) {}
  // The peer's address; after the upgrade the client's, as trusted proxies tell it.
  std::string get_remote_endpoint() const { return session_ ? session_->address() : std::string{}; }
  websocketpp::connection_hdl get_handle() const { return handle_; }
  void set_handle(websocketpp::connection_hdl handle) { handle_ = std::move(handle); }
  // websocketpp's own timeouts are off; the session and on_deadline() keep time.
  timer_ptr set_timer(long, const websocketpp::transport::timer_handler&) { return {}; }

  // --- ours ---
  // Takes over an accepted, non-blocking socket, also where it throws. The request must be complete within
  // `handshake_timeout`.
  void adopt(const TransportContext& context, std::unique_ptr<Wire> wire,
             std::unique_ptr<Peer> peer, std::string address);

  Session& session() noexcept { return *session_; }
  Outbox& outbox() noexcept { return *outbox_; }
  bool deaf() const noexcept { return paused_; }

  // Why TLS was not agreed on, or what a proxy said refused; empty if it was, or the peer just went away.
  std::string_view handshake_fault() const noexcept {
    return wire_ ? wire_->handshake_fault() : std::string_view{};
  }

  // `bytes` of a request's body have come so far: its deadline moves with them.
  void body_came(std::size_t bytes) noexcept;
  // The request is complete: the handshake deadline no longer holds.
  void handshake_done() noexcept { deadline_.reset(); }
  // Reads once what follows the head of a plain request. `handler` must not hold the connection.
  void read_more(char* buffer, std::size_t size,
                 websocketpp::transport::read_handler handler) noexcept {
    async_read_at_least(1, buffer, size, std::move(handler));
  }
  // Ends the connection without further words, on the loop's next turn: whoever calls may still use it.
  void abort() noexcept;
  // The same at once. Never from inside a call of websocketpp's or the session's.
  void end_now() noexcept;
  // Goes on with what only the queue's bound or a busy session kept it from.
  void continue_reading() noexcept;

 protected:
  using ReadHandler = websocketpp::transport::read_handler;
  using WriteHandler = websocketpp::transport::write_handler;
  using Buffer = websocketpp::transport::buffer;

  void init(const websocketpp::transport::init_handler& handler);
  // A handler that is a member of the connection is borrowed, a temporary one is kept.
  void async_read_at_least(std::size_t, char* buffer, std::size_t size, const ReadHandler& handler);
  void async_read_at_least(std::size_t, char* buffer, std::size_t size, ReadHandler&& handler);
  void async_write(const char* bytes, std::size_t size, const WriteHandler& handler);
  void async_write(const std::vector<Buffer>& pieces, const WriteHandler& handler);
  template <typename Handler>
  websocketpp::lib::error_code dispatch(Handler&& handler) {
    handler();
    return {};
  }
  websocketpp::lib::error_code interrupt(const websocketpp::transport::interrupt_handler&) {
    return websocketpp::transport::error::make_error_code(
        websocketpp::transport::error::operation_not_supported);
  }
  void async_shutdown(const websocketpp::transport::shutdown_handler& handler);

 private:
  friend class Connections;
  static constexpr std::size_t not_held = ~std::size_t{0};

  enum class State : std::uint8_t { idle, open, flushing, lingering, closed };

  struct Deadline final : Wheel::Timer {
    explicit Deadline(Transport& owner) : owner_(owner) {}
    void on_timer(SteadyTime) noexcept override { owner_.on_time(); }
    Transport& owner_;
  };
  struct PendingRead {
    char* buffer = nullptr;
    std::size_t size = 0;
  };

  void on_blocked() noexcept override;
  void on_drained() noexcept override;
  void on_broken() noexcept override { abort(); }
  void on_loss(std::string_view topic) noexcept override { session_->on_loss(topic); }
  void on_overflow() noexcept override;
  void on_replaced() noexcept override {
    if (session_) session_->on_replaced();
  }

  void read_into(char* buffer, std::size_t size) noexcept;
  void wait_readable() noexcept;
  void wait_hung_up() noexcept;
  void on_hung_up() noexcept;
  void wait_writable() noexcept;
  void on_readable() noexcept;
  void on_writable() noexcept;
  void continue_init() noexcept;
  void shake_hands() noexcept;
  void linger() noexcept;
  void read_away() noexcept;
  void drop() noexcept;
  void expect_within(Duration time) noexcept;
  void allow_for(std::size_t bytes) noexcept;
  void on_time() noexcept;
  void tell_reader(const websocketpp::lib::error_code& fault, std::size_t size);

  const TransportContext* context_ = nullptr;
  std::unique_ptr<Wire> wire_;
  std::optional<Descriptor> descriptor_;
  std::optional<Outbox> outbox_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Deadline> deadline_;  // while something must happen in time
  SteadyTime first_deadline_{};         // before anything moved
  std::size_t flushing_bytes_ = 0;      // that waited when flushing began
  std::unique_ptr<Peer> peer_;
  websocketpp::connection_hdl handle_;
  // Set while the wire is agreed on (TLS).
  std::unique_ptr<websocketpp::transport::init_handler> init_handler_;
  std::unique_ptr<ReadHandler> kept_handler_;
  const ReadHandler* borrowed_handler_ = nullptr;
  PendingRead read_;
  std::size_t place_ = not_held;  // among its lane's Connections
  State state_ = State::idle;
  bool waiting_hung_up_ = false;
  bool paused_ = false;   // a read is wanted, but the queue is at its bound or the session busy
  bool reading_ = false;  // inside the read handler
  bool again_ = false;    // the read handler asked for more
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
  bool terminating_ = false;
};

}  // namespace zws
