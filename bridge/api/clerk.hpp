// Clerk: the thread on which administrators' calls are done, so that no client of a lane waits while a body of
// many members is read or a long answer is written.
//
// Thread: post() from any; stop() from any but its own. Lifetime: what it does uses the lanes and the
// exchange, so it stops before they do.
// Bound: of its own none. As many calls wait for it as HttpPlaces lets in, each with one piece of work, and one event
// of @stats.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace zws {

class Clerk {
 public:
  Clerk() : thread_([this] { run(); }) {}
  ~Clerk() { stop(); }
  Clerk(const Clerk&) = delete;
  Clerk& operator=(const Clerk&) = delete;

  // Is done after what was posted before it; after stop() never.
  void post(std::function<void()> work);

  // Returns when what is being done is done. What still waits is let go of undone. A second call does nothing.
  void stop() noexcept;

 private:
  void run() noexcept;

  std::mutex mutex_;  // over the next three
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace zws
