#include "signals.hpp"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <initializer_list>

namespace zws {
namespace {

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  for (const int of_a_write : {SIGPIPE, SIGXFSZ}) ::signal(of_a_write, SIG_IGN);
}

Signal Signals::next(std::chrono::milliseconds time) const {
  const sigset_t set = watched();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  const timespec wait{seconds.count(),
                      std::chrono::duration_cast<std::chrono::nanoseconds>(time - seconds).count()};
  const int signal = sigtimedwait(&set, nullptr, &wait);
  if (signal < 0) return Signal::none;
  return signal == SIGHUP ? Signal::reload : Signal::stop;
}

}  // namespace zws
