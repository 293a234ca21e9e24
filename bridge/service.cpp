#include "service.hpp"

#include <systemd/sd-daemon.h>
#include <time.h>

#include <string>

namespace zws {
namespace {

constexpr std::chrono::seconds idle_interval{60};
constexpr std::chrono::seconds margin{5};  // for what follows the drain

}  // namespace

Service::Service() : interval_(idle_interval) {
  std::uint64_t microseconds = 0;
  watched_ = sd_watchdog_enabled(0, &microseconds) > 0;
  if (watched_)
    interval_ = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::microseconds(microseconds / 2));
}

void Service::ready() const { sd_notify(0, "READY=1"); }

void Service::reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::string text =
      "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1000);
  sd_notify(0, text.c_str());
}

void Service::stopping(std::chrono::milliseconds time) const {
  const std::chrono::microseconds wait = time + margin;
  const std::string text = "STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(wait.count());
  sd_notify(0, text.c_str());
}

void Service::alive() const {
  if (watched_) sd_notify(0, "WATCHDOG=1");
}

}  // namespace zws
