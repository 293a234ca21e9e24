// HistoryReader: what Redis knows of a topic, brought into the exchange for clients that ask for it.
//
// All who ask for a topic at a time are answered by one reading, and it is not read again for a while. Only
// what is whole is passed on: of each source that the index names the newest events without a hole, and how
// far it came. Where that cannot be told of one source, nothing of the topic is.
//
// A Redis that refuses all that is written has refused events as well, and also that anybody says so: it is asked
// to delete what is not there, and what it has of a topic is not believed where it refuses that.
//
// What has just been kept by another bridge may still be on its way here: so where something is that young
// the answer is held back a moment, in which what comes from the producers is heard first.
//
// Thread: the history's, but for may_know(). Bounds: `reading_max` topics read at a time, `bytes_max` of
// events that have been read and not passed on, `wait_max` topics that wait, `time_max` for who waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "config/route_table.hpp"
#include "core/clock.hpp"
#include "core/keyed_hash.hpp"
#include "exchange/past.hpp"
#include "metrics/metrics.hpp"
#include "relay/kept_event.hpp"

struct redisReply;

namespace zws {

class HistoryReader {
 public:
  using Words = std::vector<std::string>;
  using Done = std::function<void(const redisReply* answer)>;

  struct Parts {
    std::function<bool(const Words& words, Done done)> send;
    std::function<bool(const Past& past)> fill;
    // A source has ended there, and its index does not say so.
    std::function<void(const std::string& topic, const std::string& source, std::uint64_t newest)>
        close;
  };

  static constexpr std::size_t reading_max = 256;
  static constexpr std::size_t wait_max = 100'000;
  static constexpr std::size_t bytes_max = std::size_t{64} << 20;
  static constexpr std::chrono::milliseconds time_max{3'000};
  static constexpr std::chrono::seconds not_again{10};

  HistoryReader(const Config& config, Parts parts, RelayMetrics& metrics,
                const Clock& clock = Clock::real());

  void reload(const Config& config);
  void set_up(bool up) noexcept { up_.store(up, std::memory_order_relaxed); }

  // Thread: any.
  bool may_know(std::string_view topic) noexcept;

  // Calls `done` once: when all of them have been read, or after `time_max`.
  void read(const std::vector<std::string>& topics, std::function<void()> done);

  // Call it every 50 ms.
  void tick();

 private:
  struct Waiter {
    std::size_t left = 0;
    SteadyTime until{};
    std::function<void()> done;
  };
  // One source of a topic that is being read.
  struct Reading {
    PastSource past;
    bool closed = false;
    bool ended = false;          // nothing more of it is wanted
    std::int64_t newest_ms = 0;  // 0: its newest event is not there
    std::uint64_t last = 0;      // number of the last entry, the oldest, that was read
    std::size_t bytes = 0;
    std::size_t count = 0;
  };
  struct Job {
    std::string topic;
    std::vector<std::shared_ptr<Waiter>> waiters;
    Route route;
    Past past;
    std::vector<Reading> sources;
    std::size_t left = 0;  // sources to be read
    std::size_t bytes = 0;
    bool reading = true;
    bool refuses = true;  // what is written now
    bool losses_known = false;
    bool answered = true;  // as far as it was asked
    bool whole = true;     // nothing is in its place that cannot be read
    SteadyTime pass_on_at{};
    SteadyTime began{};  // read with the next, so that one difference tells all its times
    std::int64_t began_ms = 0;
  };
  using JobPtr = std::shared_ptr<Job>;

  void start_some();
  void start(const JobPtr& job);
  bool read_lost(const JobPtr& job, const redisReply& answer) const;
  void note_forgotten(Job& job, std::int64_t wall_ms) const;
  void read_index(const JobPtr& job, const redisReply& answer);
  bool take_member(Job& job, std::string_view name, double score);
  void read_stream(const JobPtr& job, std::size_t place);
  void take_stream(const JobPtr& job, std::size_t place, const redisReply& answer);
  bool take_entry(Job& job, Reading& reading, const redisReply& entry);
  void read_all(const JobPtr& job);
  bool is_whole(const Job& job) const;
  void leave_out_too_old(Job& job) const;
  void pass_on(const JobPtr& job);
  void end(const JobPtr& job);
  void end_reading(Job& job) noexcept;
  static SteadyTime steady(const Job& job, std::int64_t wall_ms) noexcept;
  std::size_t page(const Job& job, const Reading& reading) const noexcept;

  const Parts parts_;
  KeptKeys keys_;
  RelayMetrics& metrics_;
  const Clock& clock_;
  std::shared_ptr<const RouteTable> routes_;
  std::size_t sources_max_ = 0;
  std::size_t events_max_ = 0;
  std::size_t frame_max_ = 0;
  KeptEventReader events_;
  std::unordered_map<std::string, JobPtr, KeyedHash> jobs_;  // by topic: all that are not over
  std::deque<JobPtr> waiting_;
  std::deque<JobPtr> held_;  // read, and held back a moment
  std::deque<std::shared_ptr<Waiter>> waiters_;
  std::size_t reading_ = 0;
  bool starting_ = false;
  std::size_t bytes_ = 0;
  std::atomic<bool> up_{false};
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, SteadyTime> read_at_;  // by topic_hash; under mutex_
};

}  // namespace zws
