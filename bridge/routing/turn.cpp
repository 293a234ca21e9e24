#include "routing/turn.hpp"

#include <algorithm>

#include "exchange/late_gap.hpp"

namespace zws {
namespace {

constexpr std::size_t first_slots = 1024;

std::uint64_t mix(std::uint64_t key) noexcept {
  key ^= key >> 32;
  key *= 0x9E3779B97F4A7C15ULL;
  return key ^ (key >> 29);
}

// Of two of one topic. What is told of its sources, and what came late, have other receivers, and so streams of
// their own.
bool has_the_same_receivers(const Event& a, const Event& b) noexcept {
  const bool of_sources = a.kind() == Event::Kind::source;
  const bool late = is_late_gap(a);
  return of_sources == (b.kind() == Event::Kind::source) && late == is_late_gap(b) &&
         (!late || a.arrival() == b.arrival());
}

}  // namespace

void Turn::begin(const std::vector<EventPtr>& events) {
  events_ = &events;
  next_.assign(events.size(), end);
  streams_.clear();
  groups_.assign(1, {0, 0, 0, 0});
  touched_.clear();
  if (stream_slots_.empty() || ++round_ == 0) {
    stream_slots_.assign(first_slots, {0, 0, 0});
    group_slots_.assign(first_slots, {0, 0, 0});
    round_ = 1;
  }
  from_ = to_ = 0;
}

Turn::Slot& Turn::slot(std::vector<Slot>& table, std::uint64_t key) noexcept {
  const std::size_t mask = table.size() - 1;
  std::size_t at = mix(key) & mask;
  while (table[at].round == round_ && table[at].key != key) at = (at + 1) & mask;
  return table[at];
}

void Turn::grow(std::vector<Slot>& table, std::size_t used) {
  if (used * 2 < table.size()) return;
  std::vector<Slot> larger(table.size() * 4, {0, 0, 0});
  const std::size_t mask = larger.size() - 1;
  std::uint32_t newest = 0;
  for (const Slot& old : table) newest = std::max(newest, old.round);
  for (const Slot& old : table) {
    if (old.round != newest) continue;
    std::size_t at = mix(old.key) & mask;
    while (larger[at].round != 0) at = (at + 1) & mask;
    larger[at] = old;
  }
  table = std::move(larger);
}

bool Turn::add(std::size_t index) {
  const Event& event = *(*events_)[index];
  const auto at = static_cast<std::uint32_t>(index);
  const auto same_stream = [&](const Event& other) {
    return other.topic() == event.topic() && has_the_same_receivers(other, event);
  };
  // Two streams of one hash take neighbouring keys.
  for (std::uint64_t key = event.topic_hash();; ++key) {
    Slot& found = slot(stream_slots_, key);
    if (found.round != round_) {
      found = {key, static_cast<std::uint32_t>(streams_.size()), round_};
      streams_.push_back({at, at, 0});
      grow(stream_slots_, streams_.size());
      from_ = to_ = 0;
      return true;
    }
    Stream& stream = streams_[found.value];
    if (!same_stream(*(*events_)[stream.first])) continue;
    next_[stream.last] = at;
    stream.last = at;
    return false;
  }
}

void Turn::join(Subscriber& who, std::uint32_t& group) {
  const auto stream = static_cast<std::uint32_t>(streams_.size() - 1);
  if (group != 0 && groups_[group].stream == stream) return;  // another of its patterns matched
  if (group == 0) {
    touched_.push_back(&who);
  } else {
    --groups_[group].size;
  }
  if (to_ == 0 || from_ != group) {
    from_ = group;
    to_ = child(group);
  }
  group = to_;
  ++groups_[to_].size;
  ++streams_[stream].receivers;
}

std::uint32_t Turn::child(std::uint32_t group) {
  const std::uint64_t stream = streams_.size() - 1;
  Slot& found = slot(group_slots_, stream << 32 | group);
  if (found.round == round_) return found.value;
  const auto made = static_cast<std::uint32_t>(groups_.size());
  found = {stream << 32 | group, made, round_};
  groups_.push_back({group, static_cast<std::uint32_t>(stream), 0, 0});
  grow(group_slots_, groups_.size());
  return made;
}

void Turn::collect(std::uint32_t group) {
  chosen_.clear();
  bool sorted = true;
  for (; group != 0; group = groups_[group].before) {
    sorted = chosen_.empty();
    for (std::uint32_t i = streams_[groups_[group].stream].first; i != end; i = next_[i])
      chosen_.push_back(i);
  }
  if (!sorted) std::sort(chosen_.begin(), chosen_.end());
}

Bundle Turn::bundle_of(std::uint32_t group) {
  collect(group);
  bundled_.clear();
  for (const std::uint32_t index : chosen_) bundled_.push_back(&(*events_)[index]);
  Bundle bundle;
  bundle.events = bundled_.data();
  bundle.count = bundled_.size();
  for (const EventPtr* event : bundled_) {
    if (!(*event)->is_marker()) continue;
    ++bundle.markers;
    bundle.marker_bytes += (*event)->frame().size();
  }
  if (bundle.count == 1) {
    bundle.bytes = bundle[0]->frame();
    return bundle;
  }
  joined_.clear();
  for (const EventPtr* event : bundled_) joined_.append((*event)->frame());
  bundle.bytes = joined_;
  return bundle;
}

}  // namespace zws
