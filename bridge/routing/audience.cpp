#include "routing/audience.hpp"

#include "exchange/pattern_index_body.hpp"

namespace zws {

void Audience::join(Subscriber& who, bool implicit, std::uint64_t since) {
  seats_.push_back({&who, static_cast<std::uint32_t>(who.memberships_.size())});
  who.memberships_.push_back(
      {this, since, static_cast<std::uint32_t>(seats_.size() - 1), implicit, !implicit});
}

void Audience::leave(Subscriber& who, std::size_t index) noexcept {
  auto& list = who.memberships_;
  const std::uint32_t seat = list[index].seat;

  // The last seat moves into the one that is left ...
  seats_[seat] = seats_.back();
  seats_[seat].who->memberships_[seats_[seat].place].seat = seat;
  seats_.pop_back();

  // ... and the subscriber's last membership into the place of this one.
  list[index] = list.back();
  list.pop_back();
  if (index < list.size())
    list[index].audience->seats_[list[index].seat].place = static_cast<std::uint32_t>(index);
}

std::size_t Audience::find(const Subscriber& who) const noexcept {
  for (std::size_t i = 0; i < who.memberships_.size(); ++i) {
    if (who.memberships_[i].audience == this) return i;
  }
  return none;
}

template class PatternIndex<Audience>;

}  // namespace zws
