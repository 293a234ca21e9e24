// Wakeup: one descriptor that becomes readable when one of several does, or when it is time.
//
// A ZeroMQ socket's descriptor is readable only until the socket is looked into: whoever waits has found
// all of them empty before, and touched none since.
//
// Thread: one at a time. Errors: the constructor throws StartupError where the kernel has no descriptor.
#pragma once

#include <chrono>

#include "core/clock.hpp"

namespace zws {

class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void add(int descriptor);
  void remove(int descriptor) noexcept;

  // SteadyTime::max(): never.
  void wake_at(SteadyTime time) noexcept;

  void wait(std::chrono::milliseconds at_most) noexcept;
  bool is_ready() const noexcept;

  int descriptor() const noexcept { return all_; }

 private:
  int all_ = -1;
  int timer_ = -1;
  SteadyTime set_ = SteadyTime::max();
};

// A descriptor that a Wakeup waits for until this ends; it is to end before the descriptor does.
class Awaited {
 public:
  Awaited(Wakeup& wakeup, int descriptor) : wakeup_(wakeup), descriptor_(descriptor) {
    wakeup_.add(descriptor_);
  }
  ~Awaited() { wakeup_.remove(descriptor_); }
  Awaited(const Awaited&) = delete;
  Awaited& operator=(const Awaited&) = delete;

 private:
  Wakeup& wakeup_;
  const int descriptor_;
};

}  // namespace zws
