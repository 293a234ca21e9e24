#include "api/recent_totals.hpp"

#include <utility>

#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::chrono::seconds good_for{1};

}  // namespace

void RecentTotals::get(Done done) {
  std::string recent;
  {
    const std::lock_guard lock(mutex_);
    if (!text_.empty() && clock_.steady() - found_ < good_for) {
      recent = text_;
    } else {
      waiting_.push_back(std::move(done));
      if (waiting_.size() > 1) return;
    }
  }
  if (!recent.empty()) return done(std::move(recent));
  try {
    ask_([this](std::string text) { take(std::move(text)); });
  } catch (const std::exception& error) {
    log::error("the totals could not be asked for: {}", error.what());
    take("{}");  // nobody waits for ever
  }
}

void RecentTotals::take(std::string text) {
  std::vector<Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    text_ = text;
    found_ = clock_.steady();
    waiting.swap(waiting_);
  }
  for (const Done& done : waiting) done(text);
}

}  // namespace zws
