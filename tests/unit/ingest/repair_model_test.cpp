// A world drawn by chance, many times: publishers, links that lose and stall, connections that break,
// bridges that die, publishers that answer slowly, never, or with lies. Whatever happens, what comes
// through is in order and never twice, waits no longer than it may, and is all there where it can be.
//
// ZWS_SCHEDULES=N draws so many.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/log.hpp"
#include "ingest/repair.hpp"
#include "support/schedules.hpp"

namespace zws {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds step{5};
constexpr milliseconds wait{200};

enum class Nature { honest, slow, silent, liar };

class World : public Asker {
 public:
  explicit World(unsigned seed) : random_(seed) {
    bound_ = below(3) == 0 ? 3'000 : std::size_t{1} << 20;
    lost_percent_ = below(25);
    const unsigned publishers = 1 + below(3);
    const bool all_honest = below(2) == 0;
    for (unsigned i = 0; i < publishers; ++i) {
      publishers_.emplace_back();
      Publisher& made = publishers_.back();
      made.source = "s" + std::to_string(i);
      made.nature = all_honest ? Nature::honest : static_cast<Nature>(below(4));
      made.kept = below(3) == 0 ? 5 : 10'000;
    }
    quiet_ = all_honest && bound_ > 3'000;
    kills_ = below(3) == 0;
    start_bridge();
  }

  void run() {
    for (int i = 0; i < 200; ++i) {
      for (Publisher& publisher : publishers_) live(publisher);
      if (kills_ && below(100) == 0) start_bridge();
      pass();
    }
    for (Publisher& publisher : publishers_) publisher.says_at = now();
    for (int i = 0; i < 2'000; ++i) {
      for (Publisher& publisher : publishers_) say(publisher);
      pass();
    }
    later_.clear();
    over_ = true;
    for (int i = 0; i < 50; ++i) pass();
    EXPECT_EQ(repair_->bytes_held(), 0);
    for (const auto& [stream, newest] : arrived_)
      EXPECT_GE(newest_[stream], newest) << stream << " is stuck";
    if (quiet_) expect_all();
  }

 private:
  struct Clocked final : Clock {
    SteadyTime steady() const noexcept override { return time; }
    SteadyTime time{std::chrono::hours(1)};
  };
  struct Publisher {
    std::string source;
    Nature nature = Nature::honest;
    std::uint64_t kept = 0;
    std::map<std::string, std::uint64_t> newest;
    std::map<std::string, std::uint64_t> said;
    std::string id;         // of its connection
    SteadyTime free_at{};   // its link is a queue
    SteadyTime heard_at{};  // the same the other way
    SteadyTime says_at{};
  };
  // What stands in the exchange's place.
  struct Judge final : Sink {
    explicit Judge(World& of) : world(of) {}
    void accept(const Arrival* arrivals, std::size_t count) noexcept override {
      for (std::size_t i = 0; i < count; ++i) world.judge(arrivals[i]);
    }
    World& world;
  };

  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  SteadyTime now() const { return clock_.time; }

  void start_bridge() {
    ++life_;
    later_.clear();
    newest_.clear();
    arrived_.clear();
    arrived_at_.clear();
    first_.clear();
    repair_ = std::make_unique<Repair>(judge_, *this, metrics_, clock_);
    RepairRules rules;
    rules.held.bytes = bound_;
    rules.held.first_events = 10'000;
    repair_->set_rules(rules);
    for (Publisher& publisher : publishers_) connect(publisher);
  }

  void connect(Publisher& publisher) {
    publisher.id = publisher.source + "-" + std::to_string(++connections_);
    publisher.said.clear();
    const std::string id = publisher.id;
    later(publisher.heard_at, below(100), [this, id] { repair_->publishers().greet(id); });
  }

  void pass() {
    clock_.time += step;
    while (!later_.empty() && later_.begin()->first <= now()) {
      const auto act = std::move(later_.begin()->second);
      later_.erase(later_.begin());
      act();
    }
    if (repair_->next_time() <= now()) repair_->look();
    EXPECT_LE(repair_->bytes_held(), bound_);
  }

  // After a delay, and after what was sent before on the same way.
  void later(SteadyTime& way, unsigned delay_ms, std::function<void()> act) {
    way = std::max(way, now() + milliseconds(delay_ms));
    later_.emplace(way, std::move(act));
  }

  void live(Publisher& publisher) {
    if (below(300) == 0) connect(publisher);
    if (below(200) == 0)  // a stall
      publisher.free_at = std::max(publisher.free_at, now() + milliseconds(below(300)));
    for (unsigned count = below(3); count > 0; --count) {
      const std::string topic = "t" + std::to_string(below(3));
      const std::uint64_t seq = ++publisher.newest[topic];
      if (below(100) < lost_percent_) continue;
      later(publisher.free_at, below(3),
            [this, topic, source = publisher.source, seq] { arrive(topic, source, seq); });
    }
    say(publisher);
  }

  void arrive(const std::string& topic, const std::string& source, std::uint64_t seq) {
    const std::string stream = topic + ' ' + source;
    arrived_[stream] = seq;
    arrived_at_[stream + std::to_string(seq)] = now();
    with(topic, source, seq,
         [this](const Arrival& arrival) { repair_->sink().accept(&arrival, 1); });
  }

  template <typename Act>
  void with(const std::string& topic, const std::string& source, std::uint64_t seq, Act act) {
    const std::string payload = topic + ' ' + source + ' ' + std::to_string(seq);
    Arrival arrival;
    arrival.topic = topic;
    arrival.payload = payload;
    arrival.source = source;
    arrival.seq = seq;
    arrival.sent_ns = static_cast<std::int64_t>(seq) * 1'000;
    act(arrival);
  }

  void judge(const Arrival& arrival) {
    const std::string stream = std::string(arrival.topic) + ' ' + std::string(arrival.source);
    const std::string seq = std::to_string(arrival.seq);
    EXPECT_EQ(arrival.payload, stream + ' ' + seq);
    EXPECT_GT(arrival.seq, newest_[stream]) << stream << " comes twice, or out of order";
    if (arrival.seq != newest_[stream] + 1 && newest_[stream] != 0) ++gaps_;
    first_.emplace(stream, arrival.seq);
    newest_[stream] = arrival.seq;
    const auto at = arrived_at_.find(stream + seq);
    if (at == arrived_at_.end()) return;
    EXPECT_LE(now() - at->second, wait + step) << stream << ' ' << seq << " waited";
  }

  // --- the publishers' side ---

  Publisher* by(const std::string& id) {
    if (over_) return nullptr;
    for (Publisher& publisher : publishers_)
      if (publisher.id == id) return &publisher;
    return nullptr;
  }

  Sent hello(const std::string& id) noexcept override {
    Publisher* const publisher = by(id);
    if (publisher == nullptr) return Sent::gone;
    publisher->said.clear();
    publisher->says_at = now() + milliseconds(below(20));
    return Sent::sent;
  }

  Sent nothing(const std::string& id) noexcept override {
    return by(id) == nullptr ? Sent::gone : Sent::sent;
  }

  void say(Publisher& publisher) {
    if (now() < publisher.says_at) return;
    publisher.says_at = now() + milliseconds(300);
    const std::string source = publisher.nature == Nature::liar && below(2) == 0
                                   ? publishers_.front().source
                                   : publisher.source;
    for (const auto& [topic, newest] : publisher.newest) {
      if (publisher.said[topic] == newest) continue;
      publisher.said[topic] = newest;
      const std::uint64_t said = publisher.nature == Nature::liar ? newest + below(50) : newest;
      later(publisher.heard_at, below(5),
            [this, id = publisher.id, source, topic, first = first_kept(publisher, newest), said] {
              repair_->publishers().note_kept(id, source, {{topic, first, said}});
            });
    }
  }

  static std::uint64_t first_kept(const Publisher& publisher, std::uint64_t newest) {
    return newest > publisher.kept ? newest - publisher.kept + 1 : 1;
  }

  Sent want(const std::string& id, std::string_view source, std::string_view topic,
            SeqRange range) noexcept override {
    Publisher* const publisher = by(id);
    if (publisher == nullptr) return Sent::gone;
    EXPECT_LE(range.from, range.to);
    EXPECT_LE(range.to - range.from, 999);
    EXPECT_EQ(by(id)->nature == Nature::liar ? source : std::string_view(publisher->source),
              source);
    if (publisher->nature == Nature::silent) return Sent::sent;
    const unsigned delay = publisher->nature == Nature::slow ? below(400) : below(10);
    later(publisher->heard_at, delay,
          [this, id, topic = std::string(topic), source = std::string(source), range] {
            answer(id, topic, source, range);
          });
    return Sent::sent;
  }

  void answer(const std::string& id, const std::string& topic, const std::string& source,
              SeqRange range) {
    Publisher* const publisher = by(id);
    if (publisher == nullptr) return;  // its connection broke
    if (publisher->nature == Nature::liar) return lie(id, topic, source, range);
    const std::uint64_t newest = publisher->newest[topic];
    for (std::uint64_t seq = range.from; seq <= range.to; ++seq)
      if (seq <= newest && seq >= first_kept(*publisher, newest)) send(id, topic, source, seq);
    repair_->publishers().take_end(id, source, topic, range);
  }

  void lie(const std::string& id, const std::string& topic, const std::string& source,
           SeqRange range) {
    for (unsigned count = below(20); count > 0; --count)
      send(id, below(3) == 0 ? "t9" : topic, below(3) == 0 ? "s9" : source, range.from + below(30));
    if (below(2) == 0)
      repair_->publishers().take_end(id, source, topic, {range.from, range.to + below(2)});
  }

  void send(const std::string& id, const std::string& topic, const std::string& source,
            std::uint64_t seq) {
    with(topic, source, seq,
         [&](const Arrival& arrival) { repair_->publishers().take_answer(id, arrival); });
  }

  // All that is kept, from the first that is: links that lose and break cost nothing.
  void expect_all() {
    for (Publisher& publisher : publishers_)
      for (const auto& [topic, newest] : publisher.newest) {
        const std::string stream = topic + ' ' + publisher.source;
        EXPECT_EQ(newest_[stream], newest) << stream << ": the end is missing";
      }
  }

  std::mt19937 random_;
  Clocked clock_;
  IngestMetrics metrics_;
  Judge judge_{*this};
  std::unique_ptr<Repair> repair_;
  std::vector<Publisher> publishers_;
  std::multimap<SteadyTime, std::function<void()>> later_;
  std::map<std::string, std::uint64_t> newest_;   // that came through, in this life
  std::map<std::string, std::uint64_t> first_;    // ... the first
  std::map<std::string, std::uint64_t> arrived_;  // that came from the link
  std::map<std::string, SteadyTime> arrived_at_;
  std::size_t bound_ = 0;
  unsigned lost_percent_ = 0;
  bool quiet_ = false;
  bool kills_ = false;
  bool over_ = false;  // no publisher is there any more
  unsigned life_ = 0;
  unsigned connections_ = 0;
  std::uint64_t gaps_ = 0;
};

TEST(RepairModelTest, WhateverHappensOrderIsKeptAndNothingComesTwice) {
  const std::uint64_t worlds = schedules(3'000);
  log::configure(log::Level::error, log::Format::text);
  for (unsigned seed = 0; seed < worlds && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    World(seed).run();
  }
  log::configure(log::Level::info, log::Format::text);
}

}  // namespace
}  // namespace zws
