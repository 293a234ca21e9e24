// forks: tells a forked child that what it has from its parent is not its own.
//
// Thread: any. Cost: a load.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

namespace zws {

inline std::atomic<std::uint64_t> forks_told{0};

// How many forks led to this process since its line first asked. A fork that the C library does not know of (vfork, clone)
// is none.
inline std::uint64_t forks() noexcept {
  static const int watched = ::pthread_atfork(
      nullptr, nullptr, [] { forks_told.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(watched);
  return forks_told.load(std::memory_order_relaxed);
}

}  // namespace zws
