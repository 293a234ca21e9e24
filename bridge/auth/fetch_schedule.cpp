#include "auth/fetch_schedule.hpp"

#include <algorithm>

namespace zws {
namespace {

constexpr std::chrono::seconds between_asked{30};

}  // namespace

void FetchSchedule::fetch_now(SteadyTime now, bool another_source) noexcept {
  due_ = now;
  if (another_source) next_ask_ = {};
}

KeyFetch FetchSchedule::ask(SteadyTime now) noexcept {
  if (runs_) return KeyFetch::runs;
  if (is_due(now)) return KeyFetch::begins;
  if (now < next_ask_) {
    if (due_ <= next_ask_) return KeyFetch::none;
    due_ = next_ask_;
    next_ask_ += between_asked;
    return KeyFetch::none;
  }
  next_ask_ = now + between_asked;
  due_ = now;
  return KeyFetch::begins;
}

// A reload meanwhile makes it due again.
void FetchSchedule::begin() noexcept {
  runs_ = true;
  due_ = SteadyTime::max();
}

void FetchSchedule::end(SteadyTime next) noexcept {
  runs_ = false;
  due_ = std::min(due_, next);
}

}  // namespace zws
