// quiet_thread: a thread that no signal of the program is delivered to, as libzmq's own are.
#pragma once

#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

namespace zws {

// Throws std::system_error when there is no thread to be had.
template <typename Work>
std::thread quiet_thread(Work work) {
  struct Blocked {
    Blocked() {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~Blocked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
    sigset_t before;
  } const blocked;  // what it starts inherits the mask
  return std::thread(std::move(work));
}

}  // namespace zws
