#include "lane/tickets.hpp"

namespace zws {

std::uint64_t Tickets::give(Session& session) {
  std::uint64_t place = first_free_;
  if (place == place_mask) {
    place = places_.size();
    places_.push_back({});
  } else {
    first_free_ = places_[place].ticket;
  }
  const std::uint64_t ticket = ++given_ << place_bits | place;
  places_[place] = {ticket, &session};
  return ticket;
}

void Tickets::take_back(std::uint64_t ticket) noexcept {
  if (find(ticket) == nullptr) return;
  const std::uint64_t place = ticket & place_mask;
  places_[place] = {first_free_, nullptr};
  first_free_ = place;
}

Session* Tickets::find(std::uint64_t ticket) const noexcept {
  const std::uint64_t place = ticket & place_mask;
  if (place >= places_.size() || places_[place].ticket != ticket) return nullptr;
  return places_[place].session;
}

}  // namespace zws
