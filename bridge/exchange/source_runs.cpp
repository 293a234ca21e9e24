#include "exchange/source_runs.hpp"

#include <algorithm>
#include <utility>

#include "exchange/heap_bytes.hpp"

namespace zws {

std::size_t SourceRuns::find(std::string_view source) const noexcept {
  if (recent_ < runs_.size() && runs_[recent_].source == source) return recent_;
  for (std::uint32_t i = 0; i < runs_.size(); ++i) {
    if (runs_[i].source == source) return recent_ = i;
  }
  return none;
}

std::size_t SourceRuns::find(std::string_view source, std::uint64_t arrival) const noexcept {
  // Of one source that ever was, the name need not be read: it lies in memory long gone cold.
  if (runs_.size() == 1 && forgot_ == 0) return 0;
  const std::size_t place = find(source);
  return place != none && arrival >= runs_[place].began ? place : none;
}

std::size_t SourceRuns::add(std::string_view source, std::uint64_t arrival,
                            std::size_t sources_max) {
  SourceRun added;
  added.source = source;
  added.began = arrival;
  if (!runs_.empty()) limit(sources_max - 1);
  if (runs_.capacity() == 0) runs_.reserve(1);  // most topics have one source
  runs_.push_back(std::move(added));
  weigh();
  return runs_.size() - 1;
}

void SourceRuns::limit(std::size_t sources_max) noexcept {
  while (runs_.size() > sources_max) forget_oldest();
}

void SourceRuns::forget_oldest() noexcept {
  const auto oldest =
      std::min_element(runs_.begin(), runs_.end(),
                       [](const SourceRun& a, const SourceRun& b) { return a.heard < b.heard; });
  runs_.erase(oldest);
  forgot_some();  // all that remain were heard from later than the one that went
  weigh();
}

void SourceRuns::forgot_some() noexcept {
  ++forgot_;
  for (SourceRun& run : runs_) run.proof = run.newest;
}

void SourceRuns::lost(std::string_view source, std::uint64_t seq, std::uint64_t arrival) noexcept {
  const std::size_t place = find(source, arrival);
  if (place != none) runs_[place].first = std::max(runs_[place].first, seq + 1);
}

void SourceRuns::break_all() noexcept {
  for (SourceRun& run : runs_) run.first = run.newest + 1;
}

void SourceRuns::clear() noexcept {
  runs_.clear();
  weigh();
}

std::uint64_t SourceRuns::heard() const noexcept {
  std::uint64_t newest = 0;
  for (const SourceRun& run : runs_) newest = std::max(newest, run.heard);
  return newest;
}

std::vector<Position> SourceRuns::positions() const {
  std::vector<Position> all;
  all.reserve(runs_.size());
  for (const SourceRun& run : runs_) all.push_back({run.source, run.newest});
  return all;
}

bool SourceRuns::resume(const std::vector<Position>& since, bool proven,
                        std::vector<std::uint64_t>& from) const {
  from.assign(runs_.size(), 0);
  // What was forgotten leaves no trace, so one who may have missed some of it must not be told that
  // nothing is missing: it has to prove that it was there later.
  proven = proven || forgot_ == 0;
  for (const Position& position : since) {
    const std::size_t place = find(position.source);
    if (place == none && position.seq == 0) continue;
    if (place == none || position.seq > runs_[place].newest) return false;
    from[place] = position.seq;
    if (position.seq >= runs_[place].proof) proven = true;
  }
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (from[i] + 1 < runs_[i].first) return false;
  }
  return proven;
}

void SourceRuns::weigh() noexcept {
  bytes_ = heap_bytes(runs_.capacity() * sizeof(SourceRun));
  for (const SourceRun& run : runs_) bytes_ += heap_bytes(run.source);
}

}  // namespace zws
