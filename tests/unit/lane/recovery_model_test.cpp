// Nothing is missed without a word, over schedules drawn from a seed: two bridges with several lanes
// each hear the same producers, sooner or later, wholly or not, and administrators on one of them;
// clients read slowly, are cut off anywhere and come back to any lane of any bridge; what they have
// without asking (@all) comes before and after they ask for it; queues and inboxes overflow, history
// expires.
//
// ZWS_SEED=N runs the one schedule that a failure named; ZWS_SCHEDULES=N runs so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "core/log.hpp"
#include "support/schedules.hpp"
#include "unit/lane/model_client.hpp"

namespace zws {
namespace {

class Schedule {
 public:
  explicit Schedule(std::uint64_t seed)
      : random_(seed),
        roomy_(chance(40)),
        lossy_(!roomy_ && chance(50)),
        restarts_(!roomy_ && chance(20)),
        config_(draw_config()) {
    truth_.sent.emplace_back();  // numbers begin with 1
    truth_.lossy = lossy_;
    for (int i = 0; i < 2; ++i) {
      bridges_.push_back(std::make_unique<ModelBridge>(config_, any(numbers_of_lanes_), clock_));
    }
    for (const char* pattern : {"a:1", "a:1", "a:2", "c:1", "d:1", "n:1", "a:*", "*", "@all"})
      clients_.push_back(std::make_unique<ModelClient>(pattern, truth_));
  }

  // Throws Disagreement.
  void run() {
    for (int step = 0; step < 70; ++step) {
      const std::size_t dice = below(100);
      if (dice < 30)
        send();
      else if (dice < 35)
        publish();
      else if (dice < 50)
        any(bridges_)->ingest(1 + below(8));
      else if (dice < 65)
        any(any(bridges_)->lanes())->take_turn();
      else if (dice < 94)
        let_act(*any(clients_));
      else if (dice < 95)
        reload();
      else
        wait();
    }
    finish();
  }

  std::string log() const { return truth_.log.str(); }

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <typename T>
  T& any(std::vector<T>& of) {
    return of[below(of.size())];
  }
  template <typename T>
  const T& any(const std::vector<T>& of) {
    return of[below(of.size())];
  }

  ConfigPtr draw_config() {
    Config config;
    config.history.size = roomy_ ? 1000 : 1 + below(30);
    config.heartbeat.interval =
        std::chrono::hours(1);  // a ping is nothing that a client reads here
    config.heartbeat.timeout = std::chrono::hours(2);
    config.history.ttl = Duration(roomy_ ? 1'000'000 : 50 + below(300));
    if (!roomy_ && chance(30)) config.history.bytes = 5'000 + below(30'000);
    if (!roomy_ && chance(50)) config.limits.queue_bytes = 600 + below(4'000);
    if (!roomy_ && chance(30)) config.limits.replay_events = 1 + below(20);
    if (!roomy_ && chance(30)) config.ingest.lane_bytes = 600 + below(4'000);
    for (const auto& [match, overflow] :
         {std::pair{"c:*", Overflow::conflate}, std::pair{"d:*", Overflow::disconnect},
          std::pair{"n:*", Overflow::drop_newest}}) {
      config.routes.emplace_back();
      config.routes.back().match = match;
      config.routes.back().overflow = overflow;
    }
    return std::make_shared<const Config>(config);
  }

  void send() {
    for (std::size_t count = 1 + below(6); count > 0; --count) {
      ModelArrival sent;
      sent.topic = any(topics_);
      sent.source = any(sources_);
      sent.number = truth_.sent.size();
      sent.sent_ns = static_cast<std::int64_t>(sent.number);
      sent.padding = below(200);
      if (sent.topic[0] == 'c') sent.key = any(keys_);
      std::uint64_t& newest = newest_[sent.topic][sent.source];
      if (restarts_ && newest > 0 && !sent.source.empty() && chance(3)) {
        newest = 0;
        truth_.restarts.insert(sent.number);
        for (const auto& client : clients_) client->excuse();
      }
      if (!sent.source.empty()) sent.seq = ++newest;
      for (const auto& bridge : bridges_)
        if (!lossy_ || !chance(3)) bridge->pipe.push_back(sent);
      truth_.log << "sent " << sent.number << ": " << sent.topic << ' ' << sent.source << ':'
                 << sent.seq << ' ' << sent.key << '\n';
      truth_.sent.push_back(std::move(sent));
    }
  }

  // An administrator's event: the one bridge numbers it itself, and no other hears of it.
  void publish() {
    ModelArrival sent;
    sent.topic = any(topics_);
    sent.number = truth_.sent.size();
    sent.padding = below(200);
    sent.published = true;
    truth_.log << "published " << sent.number << ": " << sent.topic << '\n';
    truth_.sent.push_back(sent);
    any(bridges_)->pipe.push_back(std::move(sent));
  }

  void let_act(ModelClient& client) {
    if (!client.connected()) return connect(client);
    if (!client.asked()) return ask(client);
    const std::size_t dice = below(100);
    if (dice < 70) {
      client.connection().make_room(below(chance(20) ? 5'000 : 500));
      if (chance(70)) client.read(1 + below(20));
    } else if (dice < 80 || client.connection().ended()) {
      client.read(below(30));  // the rest it had taken is lost with it
      client.disconnect();
    } else if (client.answered()) {
      ask_again(client);
    }
  }

  void ask_again(ModelClient& client) {
    const std::string& topic = any(topics_);
    if (!client.hears(topic)) return;
    if (topic != client.text() && chance(30))
      return client.ask_again(topic, {{"type", "unsubscribe"}});
    client.ask_again(topic, {{"type", "subscribe"}, {"last", below(2)}});
  }

  void connect(ModelClient& client) {
    ModelBridge& bridge = *any(bridges_);
    client.connect(bridge, *any(bridge.lanes()));
    at_home_[&client] = &bridge == homes_[&client];
    homes_[&client] = &bridge;
    if (chance(70)) ask(client);
  }

  void ask(ModelClient& client) {
    // A bridge that has not heard yet what another has sent cannot know it.
    const bool known_to_all = bridges_[0]->pipe.empty() && bridges_[1]->pipe.empty();
    client.ask(roomy_ && known_to_all && at_home_[&client]);
  }

  // Other bounds; what is there is cut to them.
  void reload() {
    if (roomy_) return;
    truth_.log << "reload\n";
    Config config = *config_;
    config.history.size = 1 + below(30);
    config.history.ttl = Duration(50 + below(300));
    config.ingest.lane_bytes = chance(50) ? 600 + below(4'000) : Config().ingest.lane_bytes;
    config_ = std::make_shared<const Config>(config);
    any(bridges_)->reload(config_);
  }

  void wait() {
    truth_.log << "time passes\n";
    clock_.advance(std::chrono::milliseconds(below(chance(20) ? 500 : 50)));
    for (const auto& bridge : bridges_)
      if (chance(50)) bridge->exchange().sweep();
    if (chance(50)) tick();
  }

  void tick() {
    for (const auto& bridge : bridges_)
      for (const auto& lane : bridge->lanes()) lane->tick();
    for (const auto& client : clients_) client->note_look();
  }

  // Everything is heard and read; what is left over was lost without a word.
  void finish() {
    for (const auto& bridge : bridges_) {
      while (!bridge->pipe.empty()) bridge->ingest(10);
      for (const auto& lane : bridge->lanes()) lane->catch_up();
    }
    clock_.advance(std::chrono::seconds(1));  // who was ahead of its bridge waits no longer
    tick();
    for (const auto& bridge : bridges_) {
      for (const auto& lane : bridge->lanes()) lane->catch_up();
      require(bridge->published_all(), "a publication was never answered");
    }
    for (const auto& client : clients_) {
      if (!client->connected() || client->connection().ended()) continue;
      client->connection().make_room(1 << 24);
      client->read(static_cast<std::size_t>(-1));
      client->require_whole();
    }
  }

  const std::vector<std::size_t> numbers_of_lanes_{1, 2, 3, 8};
  const std::vector<std::string> topics_{"a:1", "a:1", "a:2", "a:3", "c:1", "d:1", "n:1", "@all"};
  const std::vector<std::string> sources_{"p", "p", "q", ""};
  const std::vector<std::string> keys_{"x", "y", "z"};

  std::mt19937_64 random_;
  const bool roomy_;  // there is room for everything, so everything must be recovered
  const bool lossy_;  // what is sent may get lost on its way to a bridge
  const bool restarts_;
  ModelClock clock_;
  ConfigPtr config_;
  ModelTruth truth_;
  std::map<std::string, std::map<std::string, std::uint64_t>> newest_;
  std::vector<std::unique_ptr<ModelBridge>> bridges_;
  std::vector<std::unique_ptr<ModelClient>> clients_;
  std::map<const ModelClient*, const ModelBridge*> homes_;  // where it was last
  std::map<const ModelClient*, bool> at_home_;              // it has come back there
};

void run(std::uint64_t seed) {
  Schedule schedule(seed);
  try {
    schedule.run();
  } catch (const Disagreement& disagreement) {
    FAIL() << schedule.log() << "ZWS_SEED=" << seed << ' ' << disagreement.what;
  }
}

TEST(RecoveryModelTest, NothingIsMissedOrDoubledWithoutAWordOverEverySchedule) {
  if (const char* seed = std::getenv("ZWS_SEED")) return run(std::strtoull(seed, nullptr, 10));
  const std::uint64_t last = schedules(10'000);
  log::configure(log::Level::error, log::Format::text);
  for (std::uint64_t seed = 1; seed <= last && !HasFailure(); ++seed) run(seed);
  log::configure(log::Level::info, log::Format::text);
}

}  // namespace
}  // namespace zws
