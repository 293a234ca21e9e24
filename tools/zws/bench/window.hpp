// Window: holds the publisher back while too many deliveries are on their way.
//
// The bound is on all clients together (so many events a client on average): while a server works
// through its clients, those already served make room for what comes next, and it never runs dry. A
// bound on the slowest client would make it wait at the end of each round.
// Thread: the receiver calls arrived and settle, the publisher wait_for; open only while there is no
// publisher; close is for anybody.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace zws::tool {

class Window {
 public:
  // limit: deliveries on their way at most; 0: no bound.
  explicit Window(std::uint64_t limit) : limit_(limit) {}

  void arrived(std::uint64_t deliveries) noexcept { counted_ += deliveries; }

  // After a batch of arrivals: lets the publisher go on if that made room.
  void settle() noexcept {
    if (limit_ == 0 || counted_ == arrived_.load(std::memory_order_relaxed)) return;
    arrived_.store(counted_);  // before awaited_ is looked at: else a wake-up is missed
    if (counted_ < awaited_.load()) return;
    std::lock_guard lock(mutex_);
    moved_.notify_one();
  }

  // Returns true when as many deliveries as `owed` since open() may have been asked for, false when
  // the window was closed.
  bool wait_for(std::uint64_t owed) noexcept {
    if (limit_ == 0 || owed <= arrived_.load(std::memory_order_relaxed) + limit_) return true;
    // Once held back, it waits for an eighth of the window: fewer, larger turns of both threads.
    const std::uint64_t wanted = owed - limit_ + limit_ / 8;
    std::unique_lock lock(mutex_);
    awaited_.store(wanted);
    moved_.wait(lock, [&] { return closed_ || arrived_.load() >= wanted; });
    awaited_.store(nothing);
    return !closed_;
  }

  void open() noexcept {
    counted_ = 0;
    arrived_ = 0;
    closed_ = false;
  }

  // Sends the publisher away.
  void close() noexcept {
    std::lock_guard lock(mutex_);
    closed_ = true;
    moved_.notify_one();
  }

 private:
  static constexpr std::uint64_t nothing = ~std::uint64_t{0};

  const std::uint64_t limit_;
  std::uint64_t counted_ = 0;
  std::atomic<std::uint64_t> arrived_{0};
  std::atomic<std::uint64_t> awaited_{nothing};
  std::mutex mutex_;
  std::condition_variable moved_;
  bool closed_ = false;
};

}  // namespace zws::tool
