// RepairStage: a Repair between a test that plays producers and publishers, and a list of what came through.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ingest/repair.hpp"

namespace zws {

class RepairStage : public Sink, public Asker {
 public:
  struct MovedClock final : Clock {
    SteadyTime steady() const noexcept override { return now; }
    SteadyTime now{std::chrono::hours(1)};
  };

  void accept(const Arrival* arrivals, std::size_t count) noexcept override {
    for (std::size_t i = 0; i < count; ++i) {
      const Arrival& a = arrivals[i];
      taken_.push_back(std::string(a.topic) + ' ' + std::string(a.source) + ':' +
                       std::to_string(a.seq));
      last_connection = a.connection;
    }
  }
  void ended(std::uint64_t connection) noexcept override {
    taken_.push_back("ended " + std::to_string(connection));
  }
  Sent hello(const std::string& id) noexcept override {
    if (sent(id) != Sent::full) greeted_.push_back(id);
    return sent(id);
  }
  Sent want(const std::string& id, std::string_view source, std::string_view topic,
            SeqRange range) noexcept override {
    if (sent(id) == Sent::sent)
      asked_.push_back(id + ' ' + std::string(source) + ' ' + std::string(topic) + ' ' +
                       std::to_string(range.from) + '-' + std::to_string(range.to));
    return sent(id);
  }
  Sent nothing(const std::string& id) noexcept override {
    ++tried;
    return sent(id);
  }

 protected:
  void live(const std::string& topic, const std::string& source, std::uint64_t seq,
            std::int64_t sent_ns = 0) {
    const Arrival arrival = event(topic, source, seq, sent_ns);
    repair.sink().accept(&arrival, 1);
  }
  void headerless(const std::string& topic) {
    const Arrival arrival = event(topic, "", 0, 0);
    repair.sink().accept(&arrival, 1);
  }
  void answer(const std::string& id, const std::string& topic, const std::string& source,
              std::uint64_t seq) {
    repair.publishers().take_answer(id, event(topic, source, seq, 0));
  }
  void end(const std::string& id, const std::string& source, const std::string& topic,
           std::uint64_t from, std::uint64_t to) {
    repair.publishers().take_end(id, source, topic, {from, to});
  }
  void keeps(const std::string& id, const std::string& source, const std::string& topic,
             std::uint64_t first, std::uint64_t newest) {
    repair.publishers().note_kept(id, source, {{topic, first, newest}});
  }
  // A publisher, one event of which was heard.
  void knows(const std::string& id, const std::string& source, const std::string& topic) {
    keeps(id, source, topic, 1, 0);
    live(topic, source, 1);
    taken_.clear();
  }
  // As a bridge does that is awake all the time.
  void pass(std::chrono::milliseconds time) {
    constexpr std::chrono::milliseconds step{10};
    for (const SteadyTime end = clock.now + time; clock.now < end;) {
      clock.now = std::min<SteadyTime>(clock.now + step, end);
      repair.look();
    }
  }
  std::vector<std::string> taken() { return std::exchange(taken_, {}); }
  const std::vector<std::string>& asked() const { return asked_; }
  const std::vector<std::string>& greeted() const { return greeted_; }
  std::uint64_t failed(RepairFailure reason) const {
    return metrics.repair_failed[static_cast<std::size_t>(reason)].value();
  }

  static Arrival event(const std::string& topic, const std::string& source, std::uint64_t seq,
                       std::int64_t sent_ns) {
    Arrival arrival;
    arrival.topic = topic;
    arrival.payload = "payload";
    arrival.source = source;
    arrival.seq = seq;
    arrival.sent_ns = sent_ns;
    arrival.connection = 7;
    return arrival;
  }
  Sent sent(const std::string& id) const {
    if (full.count(id) > 0) return Sent::full;
    return gone.count(id) > 0 ? Sent::gone : Sent::sent;
  }

  MovedClock clock;
  IngestMetrics metrics;
  Repair repair{*this, *this, metrics, clock};
  std::set<std::string> gone;
  std::set<std::string> full;  // their queues
  std::size_t tried = 0;       // with nothing
  std::uint64_t last_connection = 0;

 private:
  std::vector<std::string> taken_;
  std::vector<std::string> asked_;
  std::vector<std::string> greeted_;
};

}  // namespace zws
