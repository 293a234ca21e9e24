#include "ingest/endpoints.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

namespace zws {
namespace {

constexpr std::chrono::seconds first_complaint{1};
constexpr std::chrono::minutes next_complaint{1};

// As libzmq writes it in its events; empty if the host is a name.
std::string exact_address(const TcpEndpoint& endpoint) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_pton(AF_INET, endpoint.host.c_str(), bytes.data()) == 1)
    return "tcp://" + endpoint.host + ':' + endpoint.port;
  if (::inet_pton(AF_INET6, endpoint.host.c_str(), bytes.data()) != 1) return {};
  ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  return "tcp://[" + std::string(text.data()) + "]:" + endpoint.port;
}

}  // namespace

TcpEndpoint TcpEndpoint::parse(const std::string& endpoint) {
  constexpr std::string_view prefix = "tcp://";
  if (endpoint.compare(0, prefix.size(), prefix) != 0) return {};
  const std::size_t colon = endpoint.rfind(':');
  TcpEndpoint parts{endpoint.substr(prefix.size(), colon - prefix.size()),
                    endpoint.substr(colon + 1)};
  if (parts.host.size() > 1 && parts.host.front() == '[')
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  return parts;
}

Endpoints::Endpoints(const std::vector<std::string>& configured) {
  for (const std::string& name : configured) {
    const TcpEndpoint tcp = TcpEndpoint::parse(name);
    const std::string address = tcp.host.empty() ? name : exact_address(tcp);
    if (address.empty()) named_.push_back(name);
    all_.push_back({name, {}, 0, {}});
    if (!address.empty()) all_.back().addresses.push_back(address);
  }
}

void Endpoints::found(const std::string& name, std::vector<std::string> addresses) {
  if (addresses.empty()) return;
  for (Configured& one : all_) {
    if (one.name == name) one.addresses = addresses;
  }
}

void Endpoints::tried(const std::string& address) {
  for (Configured& one : all_) {
    if (std::find(one.addresses.begin(), one.addresses.end(), address) != one.addresses.end())
      ++one.tries;
  }
}

Endpoints::Orders Endpoints::orders(const std::set<std::string>& reached) {
  Orders orders;
  std::set<std::string> wanted;
  for (const Configured& one : all_) wanted.insert(one.addresses.begin(), one.addresses.end());
  for (const std::string& address : wanted) {
    if (dialled_.insert(address).second) orders.dial.push_back(address);
  }
  for (auto address = dialled_.begin(); address != dialled_.end();) {
    if (wanted.count(*address) != 0 || reached.count(*address) != 0) {
      ++address;
      continue;
    }
    orders.leave.push_back(*address);
    address = dialled_.erase(address);
  }
  return orders;
}

EndpointState Endpoints::state(const Configured& one, const std::set<std::string>& reached) {
  if (one.addresses.empty()) return EndpointState::unresolved;
  const auto is_reached = [&](const std::string& address) { return reached.count(address) != 0; };
  return std::any_of(one.addresses.begin(), one.addresses.end(), is_reached)
             ? EndpointState::connected
             : EndpointState::connecting;
}

std::vector<Endpoints::Complaint> Endpoints::complaints(const std::set<std::string>& reached,
                                                        SteadyTime now) {
  std::vector<Complaint> complaints;
  for (Configured& one : all_) {
    if (state(one, reached) == EndpointState::connected) {
      one.tries = 0;
      one.complain_at = {};
    } else if (one.complain_at == SteadyTime{}) {
      one.complain_at = now + first_complaint;
    } else if (now >= one.complain_at) {
      one.complain_at = now + next_complaint;
      complaints.push_back({one.name, one.tries, !one.addresses.empty()});
    }
  }
  return complaints;
}

Endpoints::Count Endpoints::count(const std::set<std::string>& reached) const {
  Count count{};
  for (const Configured& one : all_) ++count[static_cast<std::size_t>(state(one, reached))];
  return count;
}

}  // namespace zws
