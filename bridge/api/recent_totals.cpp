#include "api/recent_totals.hpp"

#include <utility>

#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::chrono::seconds good_for{1};

std::string copy_of(const std::string& text) noexcept try {
  return text;
} catch (const std::bad_alloc&) {
  return "{}";
}

void tell(const RecentTotals::Done& done, const std::string& text) noexcept try {
  done(copy_of(text));
} catch (const std::exception& error) {
  log::error("the totals could not be told: {}", error.what());
}

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
    ask_([this](const std::string& text) { take(text); });
  } catch (const std::exception& error) {
    log::error("the totals could not be asked for: {}", error.what());
    take("{}");  // nobody waits for ever
  }
}

// Whoever waits is told, each once, and whoever comes next asks anew, whatever fails.
void RecentTotals::take(const std::string& text) noexcept {
  std::string kept = copy_of(text);
  std::vector<Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    text_.swap(kept);
    found_ = clock_.steady();
    waiting.swap(waiting_);
  }
  for (const Done& done : waiting) tell(done, text);
}

}  // namespace zws
