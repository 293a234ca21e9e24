#include "api/clerk.hpp"

#include <exception>
#include <utility>

#include "core/log.hpp"

namespace zws {

void Clerk::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    waiting_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void Clerk::run() noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    auto work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try {
      work();
    } catch (const std::exception& error) {
      log::error("a call of an administrator failed: {}", error.what());
    }
    work = nullptr;  // whose end may tell a lane
    lock.lock();
  }
}

void Clerk::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  waiting_.clear();
}

}  // namespace zws
