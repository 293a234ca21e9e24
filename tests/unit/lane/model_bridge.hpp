// ModelBridge: a whole bridge without threads, sockets and time of its own: real intake, inboxes,
// routers, histories, subscriptions, sessions and outboxes, moved on step by step by a test.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/client_protocol.hpp"
#include "client/long_request.hpp"
#include "client/session.hpp"
#include "client/subscriptions.hpp"
#include "exchange/history.hpp"
#include "exchange/intake.hpp"
#include "exchange/ledger.hpp"
#include "lane/inbox.hpp"
#include "routing/router.hpp"

namespace zws {

class ModelClock final : public Clock {
 public:
  SteadyTime steady() const noexcept override { return now_; }
  WallTime wall() const noexcept override { return WallTime{std::chrono::hours(24 * 365 * 50)}; }
  void advance(std::chrono::milliseconds by) { now_ += by; }

 private:
  SteadyTime now_{std::chrono::hours(1)};
};

// The number that the producer gave an event.
inline std::uint64_t number_of(const Event& event) {
  const std::string_view frame = event.frame();
  return std::strtoull(frame.data() + frame.find("\"n\":") + 4, nullptr, 10);
}

// Takes as many bytes as the client has made room for.
class NarrowWire final : public Wire {
 public:
  NarrowWire() : Wire(-1) {}

  ssize_t write(std::string_view bytes) noexcept override {
    if (room == 0) return blocked;
    const std::size_t size = std::min(room, bytes.size());
    taken.append(bytes.substr(0, size));
    room -= size;
    return static_cast<ssize_t>(size);
  }
  ssize_t write(const iovec* pieces, std::size_t count) noexcept override {
    ssize_t all = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const ssize_t size = write({static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len});
      if (size < 0) return all > 0 ? all : size;
      all += size;
    }
    return all;
  }

  std::size_t room = 0;
  std::string taken;  // what the client has not read yet
};

class ModelLane final : public BatchSink, private MessageHandler {
 public:
  ModelLane(const ConfigPtr& config, Ledger& ledger, const Clock& clock, std::size_t lanes)
      : routes_(*config),
        wheel_(clock.steady()),
        history_(config, ledger, clock, lanes),
        router_(history_, metrics_),
        inbox_(config->ingest.lane_bytes, metrics_),
        subscriptions_(router_, history_, routes_),
        rules_{config, &wheel_, this, &metrics_, &clock} {}

  void post(BatchPtr batch) noexcept override {
    for (const EventPtr& event : batch->events)
      if (!event->is_gap()) posted_number_ = number_of(*event);
    inbox_.push(std::move(batch));
  }

  // False when nothing was waiting.
  bool take_turn() {
    const Inbox::Turn turn = inbox_.take();
    if (turn.untold) {
      ++untold_;
      for (Outbox* outbox : outboxes_) outbox->refuse_events();
    }
    router_.publish(turn.all());
    for (const EventPtr& event : turn.all()) {
      if (!event->is_gap()) newest_number_ = number_of(*event);
      passed_[{std::string(event->topic()), std::string(event->source())}] = event->last_seq();
    }
    if (turn.untold && !turn.more) newest_number_ = posted_number_;  // all of it is gone by now
    return turn.more;
  }
  void catch_up() {
    while (take_turn()) {
    }
  }

  void subscribe(Session& session, const std::string& message) {
    ParsedRequest parsed = parse_request(message);
    if (parsed.request->since) catch_up();
    LongRequest request(std::move(*parsed.request));
    while (!request.done()) subscriptions_.go_on(session, request, true);
  }

  // Of all that has gone through it.
  std::uint64_t newest_number() const { return newest_number_; }

  // Whether the event, or a gap that names it, has gone through it.
  bool has_passed(const Event& event) const {
    const auto known = passed_.find({std::string(event.topic()), std::string(event.source())});
    return known != passed_.end() && event.seq() <= known->second;
  }

  // How often it had more gaps to tell than it may hold, so that all its clients had to go.
  std::size_t untold() const { return untold_; }

  void add(Outbox& outbox) { outboxes_.insert(&outbox); }
  void remove(Outbox& outbox) { outboxes_.erase(&outbox); }

  History& history() { return history_; }
  LaneMetrics& metrics() { return metrics_; }
  const SessionRules& rules() const { return rules_; }

 private:
  void on_message(Session&, std::string_view, bool) override {}
  void on_timer(Session&, SteadyTime) override {}
  void on_loss(const Session&, std::string_view) noexcept override {}
  void on_leave(Session& session) noexcept override { router_.leave(session.outbox()); }

  const RouteTable routes_;
  LaneMetrics metrics_;
  Wheel wheel_;
  History history_;
  Router router_;
  Inbox inbox_;
  Subscriptions subscriptions_;
  const SessionRules rules_;
  std::uint64_t posted_number_ = 0;
  std::uint64_t newest_number_ = 0;
  std::map<std::pair<std::string, std::string>, std::uint64_t> passed_;
  std::size_t untold_ = 0;
  std::set<Outbox*> outboxes_;  // of all its clients
};

// One client's connection to a lane.
class ModelConnection final : public Link, private Outbox::Owner {
 public:
  explicit ModelConnection(ModelLane& lane)
      : lane_(lane),
        outbox_(static_cast<Outbox::Owner&>(*this), lane.metrics(),
                lane.rules().config->limits.queue_bytes),
        session_(*this, lane.rules(), "model"),
        untold_(lane.untold()) {
    outbox_.open(&wire_);
    session_.open();
    lane_.add(outbox_);
  }
  ~ModelConnection() {
    lane_.remove(outbox_);
    session_.on_closed(1006);
  }

  ModelLane& lane() { return lane_; }
  Outbox& outbox() noexcept override { return outbox_; }
  Session& session() { return session_; }
  NarrowWire& wire() { return wire_; }

  void make_room(std::size_t bytes) {
    wire_.room += bytes;
    outbox_.flush();
  }

  // Whether the bridge wants it gone; the transport would close it after the turn.
  bool ended() const { return ended_ || lane_.untold() != untold_; }

  void close(CloseCode, std::string_view) noexcept override { ended_ = true; }
  void abort() noexcept override { ended_ = true; }
  void limit_messages(std::size_t) noexcept override {}
  bool deaf() const noexcept override { return false; }
  void go_on_reading() noexcept override {}

 private:
  void on_blocked() noexcept override {}
  void on_drained() noexcept override {}
  void on_broken() noexcept override { ended_ = true; }
  void on_loss(std::string_view) noexcept override {}
  void on_overflow() noexcept override { ended_ = true; }

  ModelLane& lane_;
  NarrowWire wire_;
  Outbox outbox_;
  Session session_;
  const std::size_t untold_;
  bool ended_ = false;
};

// What a producer sends; `number` is in the payload and names it among all that was ever sent.
struct ModelArrival {
  std::string topic;
  std::string source;
  std::uint64_t seq = 0;
  std::int64_t sent_ns = 0;
  std::string key;
  std::uint64_t number = 0;
  std::size_t padding = 0;
};

class ModelBridge {
 public:
  ModelBridge(ConfigPtr config, std::size_t lanes, const Clock& clock) : metrics_(lanes) {
    std::vector<BatchSink*> sinks{&posted_};
    for (std::size_t i = 0; i < lanes; ++i) {
      lanes_.push_back(std::make_unique<ModelLane>(config, ledger_, clock, lanes));
      sinks.push_back(lanes_.back().get());
    }
    intake_ = std::make_unique<Intake>(config, sinks, ledger_, metrics_, clock);
  }

  // Takes in, as one drain, up to `count` of what producers have sent here.
  void ingest(std::size_t count) {
    std::vector<std::string> payloads;
    std::vector<Arrival> arrivals;
    payloads.reserve(count);
    for (; count > 0 && !pipe.empty(); --count) {
      in_.push_back(std::move(pipe.front()));
      pipe.pop_front();
      const ModelArrival& sent = in_.back();
      payloads.push_back("{\"type\":\"n\",\"n\":" + std::to_string(sent.number) + ",\"p\":\"" +
                         std::string(sent.padding, 'x') + "\"}");
      Arrival arrival;
      arrival.topic = sent.topic;
      arrival.payload = payloads.back();
      arrival.source = sent.source;
      arrival.seq = sent.seq;
      arrival.sent_ns = sent.sent_ns;
      arrival.key = sent.key;
      arrivals.push_back(arrival);
    }
    if (!arrivals.empty()) intake_->accept(arrivals.data(), arrivals.size());
  }

  std::vector<std::unique_ptr<ModelLane>>& lanes() { return lanes_; }

  // All that was posted to the lanes, in order.
  const std::vector<EventPtr>& posted() const { return posted_.events; }

  std::deque<ModelArrival> pipe;  // sent, and not heard yet

 private:
  struct Posted final : BatchSink {
    void post(BatchPtr batch) noexcept override {
      events.insert(events.end(), batch->events.begin(), batch->events.end());
    }
    std::vector<EventPtr> events;
  };

  Metrics metrics_;
  Ledger ledger_;
  Posted posted_;
  std::vector<std::unique_ptr<ModelLane>> lanes_;
  std::unique_ptr<Intake> intake_;
  std::deque<ModelArrival> in_;
};

}  // namespace zws
