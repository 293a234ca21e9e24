#include "ingest/wakeup.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.hpp"

namespace zws {

Wakeup::Wakeup()
    : all_(::epoll_create1(EPOLL_CLOEXEC)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (all_ < 0 || timer_ < 0)
    throw StartupError(StartupError::machine,
                       std::string("no descriptor to wait with: ") + std::strerror(errno));
  add(timer_);
}

Wakeup::~Wakeup() {
  ::close(timer_);
  ::close(all_);
}

void Wakeup::add(int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = descriptor;
  if (::epoll_ctl(all_, EPOLL_CTL_ADD, descriptor, &event) != 0)
    throw StartupError(StartupError::machine,
                       std::string("a socket cannot be waited for: ") + std::strerror(errno));
}

void Wakeup::remove(int descriptor) noexcept {
  ::epoll_ctl(all_, EPOLL_CTL_DEL, descriptor, nullptr);
}

// Setting it takes back that it is readable, too.
void Wakeup::wake_at(SteadyTime time) noexcept {
  if (time == set_) return;
  set_ = time;
  itimerspec spec{};
  if (time != SteadyTime::max()) {
    const auto ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
    spec.it_value.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
    spec.it_value.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  }
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &spec, nullptr);
}

void Wakeup::wait(std::chrono::milliseconds at_most) noexcept {
  epoll_event event{};
  ::epoll_wait(all_, &event, 1, static_cast<int>(at_most.count()));
}

bool Wakeup::is_ready() const noexcept {
  epoll_event event{};
  return ::epoll_wait(all_, &event, 1, 0) > 0;
}

}  // namespace zws
