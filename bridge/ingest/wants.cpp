#include "ingest/wants.hpp"

#include <algorithm>

namespace zws {
namespace {

bool meet(SeqRange a, SeqRange b) noexcept { return a.from <= b.to && b.from <= a.to; }

}  // namespace

bool Wants::room_for(const AskedPublisher& publisher, bool urgent) const noexcept {
  const std::size_t quarters = urgent ? 4 : 3;
  if (publisher.wants == 0) return outstanding_ < in_all_max + first_ones_max * quarters / 4;
  return publisher.wants < of_publisher_max * quarters / 4 &&
         outstanding_ < in_all_max * quarters / 4;
}

void Wants::add(Want want) {
  const auto is_over = [](const Want& known) { return known.given_up; };
  if (wants_.size() >= known_max) wants_.erase(std::find_if(wants_.begin(), wants_.end(), is_over));
  ++want.publisher->wants;
  ++outstanding_;
  wants_.push_back(std::move(want));
}

Want* Wants::find(const AskedPublisher& publisher, std::uint64_t stream,
                  std::uint64_t seq) noexcept {
  Want* found = nullptr;
  for (Want& want : wants_) {
    const bool its =
        want.publisher == &publisher && want.stream == stream && meet(want.range, {seq, seq});
    if (its && !want.given_up) return &want;
    if (its) found = &want;
  }
  return found;
}

bool Wants::take(const AskedPublisher& publisher, std::string_view source, std::string_view topic,
                 SeqRange range, Want& want) {
  const auto find = [&](bool given_up) {
    return std::find_if(wants_.begin(), wants_.end(), [&](const Want& known) {
      return known.given_up == given_up && known.publisher == &publisher &&
             known.range.from == range.from && known.range.to == range.to && known.topic == topic &&
             known.source == source;
    });
  };
  auto found = find(false);
  if (found == wants_.end()) found = find(true);
  if (found == wants_.end()) return false;
  want = *found;
  give_up(*found);
  wants_.erase(found);
  return true;
}

bool Wants::ask_for(std::uint64_t stream, SeqRange range) const noexcept {
  return std::any_of(wants_.begin(), wants_.end(), [&](const Want& want) {
    return !want.given_up && want.stream == stream && meet(want.range, range);
  });
}

void Wants::give_up(Want& want) noexcept {
  if (want.given_up) return;
  want.given_up = true;
  --want.publisher->wants;
  --outstanding_;
}

template <typename Which>
void Wants::drop(Which which) noexcept {
  for (Want& want : wants_)
    if (which(want)) give_up(want);
  wants_.erase(std::remove_if(wants_.begin(), wants_.end(), which), wants_.end());
}

void Wants::drop_all(const AskedPublisher& publisher) noexcept {
  drop([&](const Want& want) { return want.publisher == &publisher; });
}

void Wants::drop_all(std::uint64_t stream) noexcept {
  drop([&](const Want& want) { return want.stream == stream; });
}

}  // namespace zws
