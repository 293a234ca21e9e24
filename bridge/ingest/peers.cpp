#include "ingest/peers.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace zws {
namespace {

constexpr std::chrono::seconds patience{1};

std::uint64_t next_number() noexcept {
  static std::atomic<std::uint64_t> newest{0};
  return ++newest;
}

}  // namespace

void Peers::began(int descriptor, std::string dialled) {
  peers_[descriptor] = {std::move(dialled), next_number(), false};
}

Peers::Peer* Peers::youngest_handshake(const std::string& dialled) noexcept {
  Peer* youngest = nullptr;
  for (auto& [descriptor, peer] : peers_) {
    if (!peer.is_producer && peer.dialled == dialled &&
        (youngest == nullptr || peer.number > youngest->number))
      youngest = &peer;
  }
  return youngest;
}

void Peers::succeeded(const std::string& address) {
  Peer* its = address.empty() ? nullptr : youngest_handshake(address);
  if (its == nullptr) its = youngest_handshake({});
  if (its == nullptr) return;
  its->is_producer = true;
  ++producers_;
}

std::set<std::string> Peers::reached() const {
  std::set<std::string> endpoints;
  for (const auto& [descriptor, peer] : peers_) {
    if (peer.is_producer && !peer.dialled.empty()) endpoints.insert(peer.dialled);
  }
  return endpoints;
}

std::uint64_t Peers::number(int descriptor) const noexcept {
  const auto found = peers_.find(descriptor);
  return found == peers_.end() ? 0 : found->second.number;
}

int Peers::oldest_stranger(const std::set<int>& except) const noexcept {
  int oldest = -1;
  std::uint64_t number = 0;
  for (const auto& [descriptor, peer] : peers_) {
    if (peer.is_producer || !peer.dialled.empty() || except.count(descriptor) != 0) continue;
    if (oldest >= 0 && peer.number > number) continue;
    oldest = descriptor;
    number = peer.number;
  }
  return oldest;
}

Peers::End Peers::ended(int descriptor, SteadyTime now) {
  const auto found = peers_.find(descriptor);
  if (found == peers_.end()) return End::failed;  // begun before the monitor was there
  const Peer peer = std::move(found->second);
  peers_.erase(found);
  if (!peer.dialled.empty()) fallen_.push_back({peer.dialled, now});
  if (failures_ > 0) {
    // What has failed ends at once. If it was taken for a producer, another is the one.
    Peer* other = peer.is_producer ? youngest_handshake(peer.dialled) : nullptr;
    if (!peer.is_producer || other != nullptr) {
      if (other != nullptr) other->is_producer = true;
      --failures_;
      return End::failed;
    }
  }
  if (!peer.is_producer) return End::silent;
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
