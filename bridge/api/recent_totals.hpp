// RecentTotals: what get_stats tells of all topics. It is asked for at most once a second, however many
// administrators ask and however often; what they are told is up to a second old.
//
// Thread: any; `done` is called inside the call, or where the answer is found. Bound: one `done` for each
// session that asks, as a session is not read while its answer is found.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/clock.hpp"

namespace zws {

class RecentTotals {
 public:
  using Done = std::function<void(std::string)>;

  // `ask` calls back once, inside the call or later.
  explicit RecentTotals(std::function<void(Done)> ask, const Clock& clock = Clock::real())
      : ask_(std::move(ask)), clock_(clock) {}

  void get(Done done);

 private:
  void take(const std::string& text) noexcept;

  const std::function<void(Done)> ask_;
  const Clock& clock_;
  std::mutex mutex_;
  std::string text_;  // empty: nothing yet
  SteadyTime found_{};
  std::vector<Done> waiting_;  // for an answer that has been asked for
};

}  // namespace zws
