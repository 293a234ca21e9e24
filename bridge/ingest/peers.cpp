#include "ingest/peers.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>

namespace zws {
namespace {

constexpr std::chrono::seconds patience{1};
constexpr std::size_t asked_max = 100;  // a system call each

std::uint64_t next_number() noexcept {
  static std::atomic<std::uint64_t> newest{0};
  return ++newest;
}

}  // namespace

void Peers::began(int descriptor, std::string dialled) {
  peers_[descriptor] = {std::move(dialled), next_number()};
}

Peers::Peer* Peers::youngest_handshake(const std::string& dialled) noexcept {
  Peer* youngest = nullptr;
  for (auto& [descriptor, peer] : peers_) {
    if (!peer.is_producer() && peer.dialled == dialled &&
        (youngest == nullptr || peer.number > youngest->number))
      youngest = &peer;
  }
  return youngest;
}

// The youngest that may have, of those that were begun last; nullptr if there is none.
Peers::Peer* Peers::possible_success(const std::string& dialled) {
  std::vector<std::pair<std::uint64_t, int>> handshakes;
  for (const auto& [descriptor, peer] : peers_)
    if (!peer.is_producer() && peer.dialled == dialled)
      handshakes.emplace_back(peer.number, descriptor);
  const auto asked = std::min(asked_max, handshakes.size());
  const auto end = handshakes.begin() + static_cast<std::ptrdiff_t>(asked);
  std::partial_sort(handshakes.begin(), end, handshakes.end(), std::greater<>());
  const auto found = std::find_if(handshakes.begin(), end,
                                  [this](const auto& one) { return !may_ || may_(one.second); });
  return found == end ? nullptr : &peers_[found->second];
}

void Peers::succeeded(const std::string& address) {
  Peer* its = nullptr;
  for (const std::string& dialled : {address, std::string()}) {
    if (its == nullptr) its = possible_success(dialled);
    if (its == nullptr) its = youngest_handshake(dialled);
  }
  if (its == nullptr) return;
  its->has_succeeded = true;
  ++producers_;
}

bool Peers::heard(int descriptor) noexcept {
  const auto found = peers_.find(descriptor);
  if (found == peers_.end()) return false;
  const bool was_stranger = !found->second.is_producer();
  found->second.is_heard = true;
  if (was_stranger) ++producers_;
  return was_stranger;
}

std::set<std::string> Peers::reached() const {
  std::set<std::string> endpoints;
  for (const auto& [descriptor, peer] : peers_) {
    if (peer.is_producer() && !peer.dialled.empty()) endpoints.insert(peer.dialled);
  }
  return endpoints;
}

std::uint64_t Peers::number(int descriptor) const noexcept {
  const auto found = peers_.find(descriptor);
  return found == peers_.end() ? 0 : found->second.number;
}

std::vector<int> Peers::strangers(const std::set<int>& except) const {
  std::vector<std::pair<std::uint64_t, int>> by_age;
  for (const auto& [descriptor, peer] : peers_)
    if (!peer.is_producer() && peer.dialled.empty() && except.count(descriptor) == 0)
      by_age.emplace_back(peer.number, descriptor);
  std::sort(by_age.begin(), by_age.end());
  std::vector<int> descriptors;
  for (const auto& [number, descriptor] : by_age) descriptors.push_back(descriptor);
  return descriptors;
}

Peers::End Peers::ended(int descriptor, SteadyTime now) {
  const auto found = peers_.find(descriptor);
  if (found == peers_.end()) return End::failed;  // begun before the monitor was there
  const Peer peer = std::move(found->second);
  peers_.erase(found);
  if (!peer.dialled.empty()) fallen_.push_back({peer.dialled, now});
  if (failures_ > 0 && !peer.is_heard) {
    // What has failed ends at once. If it was taken for a producer, another is the one.
    Peer* other = peer.has_succeeded ? possible_success(peer.dialled) : nullptr;
    if (!peer.has_succeeded || other != nullptr) {
      if (other != nullptr) other->has_succeeded = true;
      --failures_;
      return End::failed;
    }
  }
  if (!peer.is_producer()) return End::silent;
  // Of ZMTP 2 libzmq knows no handshake, and calls each end a failure.
  if (failures_ > 0 && !peer.has_succeeded) --failures_;
  --producers_;
  return End::left;
}

void Peers::tries_again(const std::string& endpoint) {
  const auto found = std::find_if(fallen_.begin(), fallen_.end(),
                                  [&](const Fallen& one) { return one.endpoint == endpoint; });
  if (found != fallen_.end()) fallen_.erase(found);
}

std::vector<std::string> Peers::given_up(SteadyTime now) {
  std::vector<std::string> endpoints;
  const auto is_over = [&](const Fallen& one) { return now - one.since >= patience; };
  for (const Fallen& one : fallen_) {
    if (is_over(one)) endpoints.push_back(one.endpoint);
  }
  fallen_.erase(std::remove_if(fallen_.begin(), fallen_.end(), is_over), fallen_.end());
  return endpoints;
}

}  // namespace zws
