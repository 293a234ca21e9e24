// Repair: answers bridges that ask for events again, and tells them how far each topic is.
//
// Thread:   its own, which alone uses its sockets: bridges are answered though nobody publishes. It
//           wakes once a second, and takes the publisher's lock for one event or topic at a time.
// Lifetime: ends before the context does.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "asker.hpp"
#include "sent.hpp"
#include "zws/publisher.hpp"

namespace zws {

// Where bridges ask a publisher of these options again: `options.repair`, with each "port+1"
// resolved. Empty: nowhere. Throws PublisherError.
std::vector<std::string> repair_endpoints(const std::vector<std::string>& endpoints,
                                          const PublisherOptions& options);

class Repair {
 public:
  // Throws PublisherError.
  Repair(void* context, const std::vector<std::string>& endpoints, const PublisherOptions& options,
         Sent& sent);
  ~Repair();

  Repair(const Repair&) = delete;
  Repair& operator=(const Repair&) = delete;

  // From any thread: waits while bridges ask, no longer than until `end`. `lost`: there is something
  // to ask for that they may not know of, so they are told at once, and given the time to ask.
  void finish(std::chrono::steady_clock::time_point end, bool lost);

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void wait() const;

  std::vector<std::unique_ptr<Asker>> askers_;
  std::atomic<bool> stops_{false};
  std::atomic<bool> tells_now_{false};
  std::atomic<Clock::time_point> busy_until_{};
  int bell_ = -1;  // an eventfd: one of these two has been set
  std::thread thread_;
};

}  // namespace zws
