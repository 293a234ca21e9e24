// Service, sd_notify: what systemd is told, when it started us: ready, alive, reloading, stopping.
//
// Thread: main. Does nothing without systemd.
#pragma once

#include <chrono>

namespace zws {

class Service {
 public:
  Service();

  void ready() const;
  void reloading() const;
  // It ends within `time`: systemd waits so long, whatever its unit says.
  void stopping(std::chrono::milliseconds time) const;

  // For the watchdog: call this at least as often as alive_interval().
  void alive() const;
  std::chrono::milliseconds alive_interval() const noexcept { return interval_; }

 private:
  std::chrono::milliseconds interval_;  // half of the watchdog's time
  bool watched_ = false;
};

}  // namespace zws
