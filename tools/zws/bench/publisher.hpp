// BenchPublisher: sends numbered, stamped events to a bridge's ingest endpoint.
//
// Topics take turns. With a rate, every event has an instant at which it is due, whatever happened to
// those before it, and is stamped with that: a late publisher or a bridge that pushes back shows as
// latency (no coordinated omission). Without one it sends as soon as the window lets it and stamps
// the time of sending. Nothing is dropped: a full socket holds it up (ZMQ_XPUB_NODROP).
// Thread: it sends on a thread of its own between start() and stop(); the caller is one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/load.hpp"
#include "bench/payload.hpp"
#include "bench/topics.hpp"
#include "bench/window.hpp"

namespace zws::tool {

class BenchPublisher {
 public:
  // Connects and waits until the bridge has subscribed.
  // Throws Failure: usage for a bad endpoint, cannot_connect when no bridge answers within 5 s.
  BenchPublisher(const Load& load, const BenchTopics& topics, Window& window,
                 std::int64_t origin_ns);
  ~BenchPublisher();
  BenchPublisher(const BenchPublisher&) = delete;
  BenchPublisher& operator=(const BenchPublisher&) = delete;

  // Sends for `seconds`.
  void start(double seconds);
  bool sending() const noexcept { return sending_.load(std::memory_order_acquire); }
  // Ends sending, if it still does, and waits for the thread.
  // Throws Failure (failed) when ZeroMQ refused an event.
  void stop();

  // Only while not sending.
  std::uint64_t sent() const noexcept { return sent_; }
  std::vector<std::uint32_t> sent_by_topic() const;
  std::int64_t latest_ns() const noexcept { return latest_ns_; }  // worst lateness since start()

 private:
  void keep_rate(double seconds);
  void fill_window(double seconds);
  bool send(std::int64_t due_ns);
  bool send_part(std::string_view part, int flags);
  std::int64_t now() const noexcept;

  const Load& load_;
  const BenchTopics& topics_;
  Window& window_;
  const std::int64_t origin_ns_;
  void* context_ = nullptr;
  void* socket_ = nullptr;
  Payload payload_;
  Stamp next_;
  std::uint64_t sent_ = 0;
  std::int64_t latest_ns_ = 0;
  std::string error_;
  std::atomic<bool> sending_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace zws::tool
