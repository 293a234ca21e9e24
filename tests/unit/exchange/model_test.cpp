// History against the Oracle, over schedules drawn from a seed: publishes of several sources with
// jumps, restarts and repeats, time, pins, reloads, questions, and clients that go and come back.
//
// ZWS_SEED=N runs the one schedule that a failure named; ZWS_SCHEDULES=N runs so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <sstream>

#include "support/schedules.hpp"
#include "unit/exchange/oracle.hpp"
#include "unit/exchange/stage.hpp"

namespace zws {
namespace {

using std::chrono::milliseconds;

struct Disagreement {
  std::string what;
};

// A client as the contract wants it: it keeps the position of each source and gives it back.
struct Client {
  std::string pattern;
  bool connected = false;
  std::map<std::string, std::map<std::string, std::uint64_t>> since;
  std::set<const Event*> seen;
  std::size_t based_at = 0;      // how much had been published when `since` began
  std::size_t left_at = 0;       // and when it went away
  std::size_t forgotten_at = 0;  // topics forgotten until it went away
  bool excused = false;          // something happened that positions cannot show

  std::vector<Position> positions(const std::string& topic) const {
    std::vector<Position> all_positions;
    const auto known = since.find(topic);
    if (known == since.end()) return {};
    for (const auto& [source, seq] : known->second) all_positions.push_back({source, seq});
    return all_positions;
  }
};

class Schedule {
 public:
  explicit Schedule(std::uint64_t seed)
      : random_(seed),
        config_(draw_config()),
        // What the bound pushes out and who is forgotten can only be told if nothing dead lies about.
        tidy_(config_.history.bytes < 1'000'000 || config_.limits.topics < 100),
        oracle_(config_, clock_),
        history_(std::make_shared<Config>(config_), all_topics_, clock_) {
    for (const char* pattern : {"a:1", "c:price", "a:*", "*"}) {
      clients_.emplace_back();
      clients_.back().pattern = pattern;
    }
  }

  // Throws Disagreement.
  void run() {
    for (int step = 0; step < 50; ++step) {
      const std::size_t dice = below(100);
      if (dice < 50)
        publish();
      else if (dice < 62)
        wait();
      else if (dice < 65)
        hold();
      else if (dice < 66)
        reload();
      else if (dice < 82)
        go_or_come_back(clients_[below(clients_.size())]);
      else
        ask();
      if (tidy_) compare_topics();
    }
    compare_events();
  }

  std::string log() const { return log_.str(); }

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <typename T>
  const T& any(const std::vector<T>& of) {
    return of[below(of.size())];
  }

  Config draw_config() {
    Config config;
    config.history.size = below(7);
    config.history.ttl = Duration(20 + below(200));
    if (chance(40)) config.history.bytes = 20'000 + below(30'000);
    if (chance(20)) config.limits.topics = 1 + below(6);
    if (chance(40)) config.limits.sources_per_topic = 1 + below(3);
    if (chance(40)) config.limits.replay_events = 1 + below(4);
    for (const char* match : {"a:*", "c:*", "*:b:*"}) {
      if (!chance(60)) continue;
      RouteConfig route;
      route.match = match;
      if (chance(60)) route.history = below(5);
      if (chance(60)) route.ttl = Duration(20 + below(200));
      if (chance(match[0] == 'c' ? 80 : 20)) route.overflow = Overflow::conflate;
      config.routes.push_back(route);
    }
    return config;
  }

  void publish() {
    Sent sent{any(topics_), any(sources_)};
    std::uint64_t& newest = newest_[sent.topic][sent.source];
    const std::size_t dice = below(100);
    std::uint64_t missing = 0;
    if (dice < 6) missing = 1 + below(3);
    sent.restart = dice >= 6 && dice < 8 && newest > 0;
    const bool step_back = dice >= 8 && dice < 10 && newest > 1;
    const bool skip = dice >= 10 && dice < 12;
    if (missing > 0) {
      record(make_gap({sent.topic, sent.source, newest + 1}, newest + missing, clock_.steady()));
      newest += missing;
      if (chance(40)) return;
    }
    sent.seq = sent.restart ? 1 : step_back ? 1 + below(newest - 1) : newest + 1 + (skip ? 2 : 0);
    newest = sent.seq;
    sent.key = any(keys_);
    sent.raw = chance(2);
    if (config_.history.bytes < 1'000'000) sent.frame_bytes = below(chance(2) ? 60'000 : 5'000);
    const bool anew = sent.restart || step_back || skip;
    for (Client& client : clients_)
      if (anew && pattern(client.pattern).matches(sent.topic)) client.excused |= !skip;
    record(make_event(sent, clock_.steady()));
  }

  void record(const EventPtr& event) {
    log_ << "record " << event->topic() << '@' << event->source() << ':' << event->seq();
    if (event->is_gap()) log_ << " gap to " << event->last_seq();
    if (event->restart()) log_ << " restart";
    if (event->raw()) log_ << " raw";
    log_ << " key " << event->key() << " bytes " << event->memory_bytes() << '\n';
    published_.push_back(event);
    oracle_.record(event);
    history_.record(event);
    follow_bytes();
    for (Client& client : clients_) {
      if (!client.connected || !pattern(client.pattern).matches(event->topic())) continue;
      // A marker tells of its loss, and the client goes on behind it.
      client.since[std::string(event->topic())][std::string(event->source())] = event->last_seq();
      client.seen.insert(event.get());
    }
  }

  void wait() {
    const milliseconds time(below(chance(15) ? 400 : 40));
    log_ << "wait " << time.count() << '\n';
    clock_.advance(time);
    oracle_.expire();
    if (tidy_ || chance(30)) history_.sweep();
  }

  void hold() {
    const std::string topic = any(topics_);
    const bool elsewhere = chance(50);  // by another lane's subscribers
    auto& held = elsewhere ? held_elsewhere_ : held_;
    const bool was = held.count(topic) != 0;
    log_ << (was ? "unpin " : "pin ") << topic << (elsewhere ? " elsewhere\n" : "\n");
    was ? (void)held.erase(topic) : (void)held.insert(topic);
    was ? unpin(topic, elsewhere ? 1 : 0) : pin(topic, elsewhere ? 1 : 0);
  }
  void pin(const std::string& topic, std::size_t lane = 0) {
    oracle_.pin(topic);
    history_.pin(topic, lane);
  }
  void unpin(const std::string& topic, std::size_t lane = 0) {
    oracle_.unpin(topic);
    history_.unpin(topic, lane);
  }

  void reload() {
    log_ << "reload\n";
    const std::size_t bytes = config_.history.bytes;
    const std::size_t topics = config_.limits.topics;
    config_ = draw_config();
    config_.history.bytes = bytes;
    config_.limits.topics = topics;
    oracle_.reload(config_);
    history_.reload(std::make_shared<Config>(config_));
    follow_bytes();
    for (Client& client : clients_) client.excused = true;
  }

  // The Oracle drops the oldest events until it has as many as the History, which must be the same.
  void follow_bytes() {
    if (config_.history.bytes >= 1'000'000) return;
    require(history_.bytes() <= config_.history.bytes, "more bytes than the bound");
    std::size_t dropped = 0;
    while (count(oracle_) > count(history_)) {
      require(oracle_.drop_oldest_event(), "more events than there can be");
      ++dropped;
    }
    compare_events();
    // The last one to go has to have been too much: itself, and what is known of its topic.
    if (dropped > 0 && !published_.back()->is_gap())
      require(history_.bytes() + 70'000 > config_.history.bytes, "more dropped than needed");
  }

  template <typename Of>
  std::size_t count(Of& of) {
    std::size_t events = 0;
    for (const std::string& topic : topics_)
      for (const std::string& source : sources_) events += fetch(of, topic, source).events.size();
    return events;
  }
  static Fetched fetch(const Oracle& of, const std::string& topic, const std::string& source) {
    return of.fetch(topic, source, 0, 1'000'000, all);
  }
  static Fetched fetch(History& of, const std::string& topic, const std::string& source) {
    return of.fetch(topic, source, 0, 1'000'000, all, all);
  }

  void compare_events() {
    for (const std::string& topic : topics_) {
      for (const std::string& source : sources_)
        same(fetch(history_, topic, source).events, fetch(oracle_, topic, source).events,
             "events of " + topic + " from " + source);
      std::set<std::string> positions;
      for (const Position& position : positions_on(topic))
        if (!history_.marks().read(position)) positions.insert(position.text());
      require(positions == oracle_.positions(topic), "positions on " + topic);
    }
  }

  // A topic that nothing is known of has a mark, and only such a one.
  std::vector<Position> positions_on(const std::string& topic) {
    const auto positions = history_.positions(topic);
    const bool marked = positions.size() == 1 && history_.marks().read(positions[0]).has_value();
    require(marked == oracle_.positions(topic).empty(), "a mark on " + topic);
    if (!marked) return positions;
    oracle_.gave(topic, positions[0].source);
    marks_[topic].push_back(positions[0]);
    return positions;
  }

  void compare_topics() {
    require(history_.topics() == oracle_.topics().size(), "the number of topics");
    require(history_.topics_after("", all) == oracle_.topics(), "the topics");
  }

  void ask() {
    const std::string match = any(patterns_);
    switch (below(4)) {
      case 0: return ask_newest(match);
      case 1: return ask_fetch();
      case 2: return ask_recover(any(topics_));
      default: return ask_recover(pattern(match));
    }
  }

  void ask_newest(const std::string& match) {
    const std::size_t count = below(6);
    const std::size_t bytes = chance(30) ? below(200) : all;
    log_ << "newest " << count << " of " << match << " in " << bytes << " bytes\n";
    same(history_.newest(pattern(match), count, bytes),
         oracle_.newest(pattern(match), count, bytes), "the newest");
  }

  void ask_fetch() {
    const std::string topic = any(topics_);
    const std::string source = any(sources_);
    const std::uint64_t newest = newest_[topic][source];
    const std::uint64_t from = newest - std::min<std::uint64_t>(newest, below(6));
    const std::uint64_t to = from + below(6);
    const std::size_t events_max = chance(30) ? below(4) : all;
    log_ << "fetch " << topic << '@' << source << ' ' << from << ".." << to << '\n';
    const Fetched got = history_.fetch(topic, source, from, to, events_max, all);
    const Fetched wanted = oracle_.fetch(topic, source, from, to, events_max);
    same(got.events, wanted.events, "the fetched");
    require(got.complete == wanted.complete, "complete");
  }

  std::vector<Position> draw_since(const std::string& topic) {
    std::vector<Position> since;
    const auto& marks = marks_[topic];
    if (chance(20) && !marks.empty())
      since.push_back(marks[marks.size() - 1 - below(std::min<std::size_t>(marks.size(), 20))]);
    if (chance(3)) since.push_back({"another-bridges", 0});
    for (const std::string& source : sources_) {
      const std::uint64_t newest = newest_[topic][source];
      if (newest == 0 ? !chance(5) : chance(15)) continue;
      const std::uint64_t seq = newest - std::min<std::uint64_t>(newest, below(5));
      since.push_back({source, chance(3) ? newest + 1 : seq});
    }
    return since;
  }

  void ask_recover(const std::string& topic) {
    const std::vector<Position> since = draw_since(topic);
    const std::size_t events_max = chance(20) ? below(4) : all;
    const std::size_t bytes_max = chance(20) ? below(300) : all;
    note("recover", topic, since);
    same(history_.recover(topic, since, events_max, bytes_max),
         oracle_.recover(topic, since, events_max, bytes_max));
  }

  void ask_recover(const Pattern& match) {
    std::vector<TopicPosition> since;
    for (const std::string& topic : topics_)
      if (chance(70)) since.push_back({topic, draw_since(topic)});
    for (const TopicPosition& each : since)
      note("recover " + match.text(), each.topic, each.positions);
    const std::size_t events_max = chance(20) ? below(8) : all;
    same(match, since, history_.recover(match, since, events_max, all),
         oracle_.recover(match, since, events_max, all));
  }

  void note(const std::string& what, const std::string& topic, const std::vector<Position>& since) {
    log_ << what << ' ' << topic << " since";
    for (const Position& position : since) log_ << ' ' << position.text();
    log_ << '\n';
  }

  void go_or_come_back(Client& client) {
    const Pattern match = pattern(client.pattern);
    client.connected = !client.connected;
    log_ << client.pattern << (client.connected ? " comes\n" : " goes\n");
    if (!client.connected) {
      if (match.is_literal()) unpin(client.pattern);
      client.left_at = published_.size();
      client.forgotten_at = oracle_.forgotten();
      client.excused = false;
      return;
    }
    if (match.is_literal()) pin(client.pattern);
    if (client.based_at == 0 || !come_back(client, match)) rebase(client, match);
  }

  // The client begins anew, as one that has to ask its application for the state.
  void rebase(Client& client, const Pattern& match) {
    client.since.clear();
    client.seen.clear();
    client.based_at = published_.size() + 1;
    if (!match.is_literal()) return;
    auto& since = client.since[client.pattern];
    for (const Position& position : positions_on(client.pattern))
      since[position.source] = position.seq;
  }

  bool come_back(Client& client, const Pattern& match) {
    Recovery recovery;
    if (match.is_literal()) {
      const auto since = client.positions(client.pattern);
      note("recover", client.pattern, since);
      recovery = history_.recover(client.pattern, since, all, all);
      same(recovery, oracle_.recover(client.pattern, since, all, all));
    } else {
      std::vector<TopicPosition> since;
      for (const auto& [topic, positions] : client.since) {
        since.push_back({topic, client.positions(topic)});
        note("recover " + client.pattern, topic, since.back().positions);
      }
      recovery = history_.recover(match, since, all, all);
      same(match, since, recovery, oracle_.recover(match, since, all, all));
    }
    if (!recovery.recovered) return false;
    check_whole(client, match, recovery.events);
    for (const EventPtr& event : recovery.events) {
      client.since[std::string(event->topic())][std::string(event->source())] = event->seq();
      client.seen.insert(event.get());
    }
    return true;
  }

  // What the client is told it missed must be what it missed, by what was really published.
  void check_whole(const Client& client, const Pattern& match,
                   const std::vector<EventPtr>& recovered) {
    std::set<const Event*> early;
    for (std::size_t i = 0; i + 1 < client.based_at; ++i) early.insert(published_[i].get());
    std::vector<EventPtr> fresh;
    for (const EventPtr& event : recovered) {
      require(client.seen.count(event.get()) == 0, "an event comes twice");
      if (early.count(event.get()) == 0) fresh.push_back(event);
    }
    if (client.excused) return;
    const RouteTable routes(config_);
    std::vector<EventPtr> missed;
    for (std::size_t i = client.left_at; i < published_.size(); ++i) {
      const EventPtr& event = published_[i];
      if (!match.matches(event->topic())) continue;
      require(!event->is_gap(), "recovered over a gap");
      if (routes.match(event->topic()).overflow == Overflow::conflate)
        missed.erase(std::remove_if(missed.begin(), missed.end(),
                                    [&](const EventPtr& older) {
                                      return older->topic() == event->topic() &&
                                             older->key() == event->key();
                                    }),
                     missed.end());
      missed.push_back(event);
    }
    same(fresh, missed, "what was missed");
  }

  void same(const std::vector<EventPtr>& got, const std::vector<EventPtr>& wanted,
            const std::string& what) {
    if (got == wanted) return;
    std::ostringstream text;
    text << what << "\n  got    ";
    for (const std::string& name : names(got, true)) text << ' ' << name;
    text << "\n  wanted ";
    for (const std::string& name : names(wanted, true)) text << ' ' << name;
    throw Disagreement{text.str()};
  }

  void same(const Recovery& got, const std::optional<std::vector<EventPtr>>& wanted) {
    require(got.recovered == wanted.has_value(),
            got.recovered ? "recovered, and should not be" : "not recovered, and should be");
    same(got.events, wanted.value_or(std::vector<EventPtr>{}), "the recovered");
  }

  void same(const Pattern& match, const std::vector<TopicPosition>& since, const Recovery& got,
            const std::optional<std::vector<EventPtr>>& wanted) {
    const bool literal = match.is_literal();
    if (!literal && wanted && !got.recovered && oracle_.may_refuse(match, since)) return;
    same(got, wanted);
  }

  static void require(bool holds, const std::string& what) {
    if (!holds) throw Disagreement{what};
  }

  const std::vector<std::string> topics_{"a:1", "a:2", "a:b:3", "b", "c:price", "@all", "@user/u"};
  const std::vector<std::string> sources_{"p", "q", "r", "s"};
  const std::vector<std::string> keys_{"", "x", "y", "z"};
  const std::vector<std::string> patterns_{"a:1",   "a:*",  "*",   "*:b:*",
                                           "a:*:3", "@all", "c:*", "no"};

  std::mt19937_64 random_;
  FakeClock clock_;
  Config config_;
  const bool tidy_;
  Oracle oracle_;
  Topics all_topics_;
  History history_;
  std::map<std::string, std::map<std::string, std::uint64_t>> newest_;
  std::set<std::string> held_;
  std::set<std::string> held_elsewhere_;
  std::vector<EventPtr> published_;
  std::map<std::string, std::vector<Position>> marks_;  // that were given
  std::vector<Client> clients_;
  std::ostringstream log_;
};

void run(std::uint64_t seed) {
  Schedule schedule(seed);
  try {
    schedule.run();
  } catch (const Disagreement& disagreement) {
    FAIL() << "ZWS_SEED=" << seed << '\n' << schedule.log() << disagreement.what;
  }
}

TEST(HistoryModelTest, AgreesWithTheOracleOverEverySchedule) {
  if (const char* seed = std::getenv("ZWS_SEED")) return run(std::strtoull(seed, nullptr, 10));
  const std::uint64_t last = schedules(10'000);
  for (std::uint64_t seed = 1; seed <= last && !HasFailure(); ++seed) run(seed);
}

}  // namespace
}  // namespace zws
