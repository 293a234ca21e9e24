#include "ingest/peers.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace zws {
namespace {

constexpr std::chrono::seconds patience{1};

std::string_view tcp_port(std::string_view endpoint) {
  if (endpoint.substr(0, 6) != "tcp://") return {};
  return endpoint.substr(endpoint.rfind(':'));
}

}  // namespace

bool may_be_same(const std::string& one, const std::string& other) {
  return one == other || (!tcp_port(one).empty() && tcp_port(one) == tcp_port(other));
}

void Peers::began(int descriptor, std::string dialled) {
  peers_[descriptor] = {std::move(dialled), ++order_, false};
}

Peers::Peer* Peers::youngest_handshake() noexcept {
  Peer* youngest = nullptr;
  for (auto& [descriptor, peer] : peers_) {
    if (!peer.is_producer && (youngest == nullptr || peer.order > youngest->order))
      youngest = &peer;
  }
  return youngest;
}

void Peers::succeeded() {
  Peer* youngest = youngest_handshake();
  if (youngest == nullptr) return;
  youngest->is_producer = true;
  ++producers_;
}

Peers::End Peers::ended(int descriptor, SteadyTime now) {
  const auto found = peers_.find(descriptor);
  if (found == peers_.end()) return End::failed;  // begun before the monitor was there
  const Peer peer = std::move(found->second);
  peers_.erase(found);
  if (!peer.dialled.empty()) fallen_.push_back({peer.dialled, now});
  if (failures_ > 0) {
    // What has failed ends at once. If it was taken for a producer, another is the one.
    Peer* other = peer.is_producer ? youngest_handshake() : nullptr;
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
  const auto find = [&](auto&& fits) { return std::find_if(fallen_.begin(), fallen_.end(), fits); };
  auto found = find([&](const Fallen& one) { return one.endpoint == endpoint; });
  if (found == fallen_.end())
    found = find([&](const Fallen& one) { return may_be_same(one.endpoint, endpoint); });
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
