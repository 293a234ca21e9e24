// Endpoints: whom the bridge dials (ingest.connect), and how far it got.
//
// libzmq would look a name up itself, on the thread that serves all connections: a name server that
// does not answer would silence every producer. So it is only ever given addresses, all that a name
// has, and each of them is an endpoint of its own under one exact name.
//
// Thread: the source's; pure. Bound: what names resolve to.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class Endpoints {
 public:
  explicit Endpoints(const std::vector<std::string>& configured);

  // The configured ones whose host is a name: to be looked up again and again.
  const std::vector<std::string>& named() const noexcept { return named_; }

  // What a name has now. None at all changes nothing: what was known goes on being tried.
  void found(const std::string& name, std::vector<std::string> addresses);

  // libzmq has tried this address in vain.
  void tried(const std::string& address);

  // What has to be dialled, and what need not be any longer, each told once. What is connected
  // (`reached`) stays, even if its name has another address by now.
  struct Orders {
    std::vector<std::string> dial;
    std::vector<std::string> leave;
  };
  Orders orders(const std::set<std::string>& reached);

  // All that is dialled, for a new socket.
  const std::set<std::string>& dialled() const noexcept { return dialled_; }

  struct Complaint {
    std::string name;
    std::uint64_t tries = 0;  // in vain; 0 though it has an address: somebody is there
    bool has_address = false;
  };
  // The configured ones that are out of reach for a second, each once a minute.
  std::vector<Complaint> complaints(const std::set<std::string>& reached, SteadyTime now);

  using Count = std::array<std::uint64_t, static_cast<std::size_t>(EndpointState::count_)>;
  Count count(const std::set<std::string>& reached) const;

 private:
  struct Configured {
    std::string name;
    std::vector<std::string> addresses;
    std::uint64_t tries = 0;  // since it was reached last
    SteadyTime complain_at{};
  };

  static EndpointState state(const Configured& one, const std::set<std::string>& reached);

  std::vector<Configured> all_;
  std::vector<std::string> named_;
  std::set<std::string> dialled_;
};

// "tcp://HOST:PORT" in parts; no host for any other endpoint.
struct TcpEndpoint {
  std::string host;  // without brackets
  std::string port;

  static TcpEndpoint parse(const std::string& endpoint);
};

}  // namespace zws
