// ModelBridge: a whole bridge without threads, sockets and time of its own: the real exchange, inboxes,
// routers, requests, sessions and outboxes, moved on step by step by a test.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/requests.hpp"
#include "client/session.hpp"
#include "exchange/exchange.hpp"
#include "lane/delivery.hpp"
#include "lane/inbox.hpp"
#include "lane/roll.hpp"
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

class ModelLane final : public BatchSink {
 public:
  ModelLane(const ConfigPtr& config, Exchange& exchange, std::size_t index, const Clock& clock)
      : routes_(std::make_unique<RouteTable>(*config)),
        wheel_(clock.steady()),
        router_(exchange.interest(index), metrics_),
        inbox_(config->ingest.lane_bytes, metrics_),
        verifier_(config->auth, clock),
        admission_(config->limits, 1'000'000),
        requests_(router_, exchange, *this, sign_in(), *routes_),
        rules_{config, &wheel_, &requests_, &metrics_, &clock} {}

  void post(BatchPtr batch) noexcept override { inbox_.push(std::move(batch)); }

  // False when nothing was waiting.
  bool take_turn() {
    const bool before = run_loop();
    const bool more = delivery_.take_turn([] {});
    return run_loop() || more || before;
  }
  // Until nothing waits.
  void catch_up() {
    while (take_turn()) {
    }
  }

  // What waits for a time that has come; what it looks at, it has looked at then.
  void tick() {
    wheel_.advance(rules_.clock->steady());
    run_loop();
  }

  void reload(const ConfigPtr& config) {
    auto routes = std::make_unique<RouteTable>(*config);
    requests_.set_routes(*routes);
    routes_ = std::move(routes);
    inbox_.set_limit(config->ingest.lane_bytes);
    rules_.config = config;
    const std::vector<Session*> all = roll_.all();
    for (Session* session : all) {
      if (session->left()) continue;
      session->on_reload();
      requests_.review(*session);
    }
  }

  // How often it had more gaps to tell than it may hold, so that all its clients had to go.
  std::size_t untold() const { return untold_; }

  void add(Session& session) { roll_.enter(session); }
  void remove(Session& session) { roll_.leave(session); }

  Requests& requests() { return requests_; }
  const Router& router() const { return router_; }
  Verifier& verifier() { return verifier_; }
  LaneMetrics& metrics() { return metrics_; }
  const SessionRules& rules() const { return rules_; }

 private:
  bool run_loop() {
    loop_.restart();
    return loop_.poll() != 0;
  }
  SignIn::Parts sign_in() {
    return {&loop_, &verifier_, &admin_token_, &admission_,
            [this](std::uint64_t ticket) { return find(ticket); }};
  }
  Session* find(std::uint64_t ticket) {
    Session* session = roll_.find(ticket);
    return session == nullptr || session->left() ? nullptr : session;
  }

  std::unique_ptr<const RouteTable> routes_;
  LaneMetrics metrics_;
  Wheel wheel_;
  Router router_;
  Inbox inbox_;
  Delivery delivery_{inbox_, router_, [this] {
                       ++untold_;
                       for (Session* session : roll_.all()) session->outbox().refuse_events();
                     }};
  asio::io_context loop_;
  Verifier verifier_;
  const AdminToken admin_token_;
  Admission admission_;
  Requests requests_;
  SessionRules rules_;
  std::size_t untold_ = 0;
  Roll roll_;
};

// One client's connection to a lane.
class ModelConnection final : public Link, private Outbox::Owner {
 public:
  explicit ModelConnection(ModelLane& lane, const std::string& token = "")
      : lane_(lane),
        outbox_(static_cast<Outbox::Owner&>(*this), lane.metrics(),
                lane.rules().config->limits.queue_bytes),
        session_(*this, lane.rules(), "model"),
        untold_(lane.untold()) {
    outbox_.open(&wire_);
    lane_.add(session_);
    lane_.requests().on_upgraded(session_, token, false);
  }
  ~ModelConnection() {
    session_.on_closed(1006);
    lane_.remove(session_);
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
  void go_on_reading() noexcept override { ++read_again_; }

  // How often it was to be read again after a pause.
  std::size_t read_again() const { return read_again_; }

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
  std::size_t read_again_ = 0;
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
  bool published = false;  // by an administrator, on one bridge
};

class ModelBridge {
 public:
  ModelBridge(ConfigPtr config, std::size_t lanes, const Clock& clock)
      : metrics_(lanes), exchange_(config, metrics_, clock) {
    std::vector<BatchSink*> sinks{&posted_};
    for (std::size_t i = 0; i < lanes; ++i) {
      lanes_.push_back(std::make_unique<ModelLane>(config, exchange_, 1 + i, clock));
      sinks.push_back(lanes_.back().get());
    }
    exchange_.post_to(sinks);
    const Exchange::Look look = exchange_.look();
    for (const char* all : {"*", "@all"})  // so that `posted_` hears it all
      exchange_.interest(0).begins(*Pattern::parse(all));
  }

  // Takes in, as one drain, up to `count` of what producers have sent here; an administrator's event is
  // one of its own.
  void ingest(std::size_t count) {
    std::vector<std::string> payloads;
    std::vector<Arrival> arrivals;
    payloads.reserve(count);
    for (; count > 0 && !pipe.empty(); --count) {
      if (pipe.front().published && !arrivals.empty()) break;
      in_.push_back(std::move(pipe.front()));
      pipe.pop_front();
      const ModelArrival& sent = in_.back();
      payloads.push_back("{\"type\":\"n\",\"n\":" + std::to_string(sent.number) + ",\"p\":\"" +
                         std::string(sent.padding, 'x') + "\"}");
      if (sent.published) return publish(sent.topic, payloads.back());
      Arrival arrival;
      arrival.topic = sent.topic;
      arrival.payload = payloads.back();
      arrival.source = sent.source;
      arrival.seq = sent.seq;
      arrival.sent_ns = sent.sent_ns;
      arrival.key = sent.key;
      arrivals.push_back(arrival);
    }
    if (!arrivals.empty()) exchange_.accept(arrivals.data(), arrivals.size());
  }

  // Whether all publications have come back with the number of those they reached.
  bool published_all() const { return answered_ == published_; }

  void reload(const ConfigPtr& config) {
    exchange_.reload(config);
    for (const auto& lane : lanes_) lane->reload(config);
  }

  Exchange& exchange() { return exchange_; }
  std::vector<std::unique_ptr<ModelLane>>& lanes() { return lanes_; }

  // Of the last event that was taken in.
  std::uint64_t newest_number() const {
    for (auto event = posted_.events.rbegin(); event != posted_.events.rend(); ++event)
      if (!(*event)->is_gap()) return number_of(**event);
    return 0;
  }

  // All that was posted to the lanes, in order.
  const std::vector<EventPtr>& posted() const { return posted_.events; }

  std::deque<ModelArrival> pipe;  // sent, and not heard yet

 private:
  void publish(const std::string& topic, const std::string& payload) {
    ++published_;
    exchange_.publish({{topic, payload}}, [this](const Published&) { ++answered_; });
  }

  struct Posted final : BatchSink {
    void post(BatchPtr batch) noexcept override {
      events.insert(events.end(), batch->events.begin(), batch->events.end());
      if (batch->receipt) batch->receipt->add(0);
    }
    std::vector<EventPtr> events;
  };

  Metrics metrics_;
  Exchange exchange_;
  Posted posted_;
  std::vector<std::unique_ptr<ModelLane>> lanes_;
  std::deque<ModelArrival> in_;
  std::size_t published_ = 0;
  std::size_t answered_ = 0;
};

}  // namespace zws
