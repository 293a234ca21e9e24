// RelayHistory: the archive of a fleet: events are kept in Redis, and read from there by a bridge that has
// just started or has forgotten (docs/decisions/0008-history-in-redis.md).
//
// What a drain brought is handed over as it is, in one step, and taken up at once where that is the first for a
// while, else with what came within `stride`: many small writes to Redis cost more than all else. What Redis
// does, or does not do, is felt here alone: what it does not take waits, within `waiting_max`, and what comes
// then is not kept, and counted.
//
// Thread: one of its own, which talks to Redis; keep(), may_know() and read() from any. Lifetime: `exchange`
// outlives it; between start() and stop() it may be asked.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "exchange/archive.hpp"
#include "exchange/exchange.hpp"
#include "metrics/metrics.hpp"
#include "relay/history_reader.hpp"
#include "relay/history_writer.hpp"
#include "relay/redis_link.hpp"

namespace zws {

class RelayHistory final : public Archive {
 public:
  static constexpr std::size_t waiting_max = std::size_t{32} << 20;
  static constexpr std::chrono::milliseconds stride{10};

  // Null where the configuration wants none.
  static std::unique_ptr<RelayHistory> make(const ConfigPtr& config, Exchange& exchange,
                                            Metrics& metrics);

  RelayHistory(const ConfigPtr& config, Exchange& exchange, RelayMetrics& metrics);
  ~RelayHistory() override;

  // Returns when Redis is there, or it is plain that it is not: a second later at the latest. So who comes
  // back to a bridge that has just started is not refused for its haste.
  void start();
  // What waits is written first, if Redis takes it at once.
  void stop() noexcept;
  void reload(ConfigPtr config);

  void keep(const BatchPtr& batch) noexcept override;
  SteadyTime began() const noexcept override { return began_; }
  bool may_know(std::string_view topic) noexcept override { return reader_.may_know(topic); }
  void read(const std::vector<std::string>& topics, std::function<void()> done) override;

 private:
  struct Asked {
    std::vector<std::string> topics;
    std::function<void()> done;
    SteadyTime until;
  };

  RedisLink::Handlers handlers();
  void run() noexcept;
  void settle();
  void take_up() noexcept;
  void take_up_in_stride() noexcept;
  void write_waiting();
  void write(const Batch& batch) noexcept;
  void answer_asked();
  void tick();
  void end_soon(int tries_left);
  bool is_own(const Event& event) const noexcept;
  bool all_sent() const noexcept { return taken_.empty(); }

  Exchange& exchange_;
  RelayMetrics& metrics_;
  const std::string own_source_;
  const SteadyTime began_;

  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{loop_.get_executor()};
  asio::steady_timer timer_{loop_};
  asio::steady_timer stride_timer_{loop_};
  RedisLink link_;
  HistoryWriter writer_;
  HistoryReader reader_;
  std::deque<BatchPtr> taken_;  // of this thread: to be written
  bool was_up_ = true;          // so that it is said once
  std::thread thread_;

  std::mutex mutex_;
  std::deque<BatchPtr> handed_over_;  // under mutex_, as the rest
  std::deque<Asked> asked_;
  std::size_t waiting_bytes_ = 0;  // of handed_over_ and taken_
  std::size_t overflow_ = 0;       // events for which there was no room
  std::uint64_t overflow_partitions_ = 0;
  bool keeping_ = false;  // what is handed over will be taken up
  bool asking_ = false;   // ... and what is asked
  bool settled_ = false;
  std::condition_variable settles_;
};

}  // namespace zws
