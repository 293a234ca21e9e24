// Access: may this request come in, judged by its head alone? Origin, Host, X-Forwarded-For.
//
// Thread: immutable after construction; a reload makes a new one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/address.hpp"
#include "config/config.hpp"
#include "core/http.hpp"

namespace zws {

// What limits count an address as: itself, or for IPv6 its /64.
std::string address_key(std::string_view address);

class Access {
 public:
  // `open_mode`: no key is configured.
  Access(const Config& config, bool open_mode);

  // The client's address: `peer`, or what trusted proxies say.
  std::string client_address(std::string_view peer, const HttpRequest& request) const;

  // Open mode answers only to this machine's own names, and to nobody who was forwarded.
  bool host_allowed(const HttpRequest& request) const;

  // For the log, why it does not: the header that stands against it, and what it says.
  static std::string host_fault(const HttpRequest& request);

  // No Origin passes; `peer` decides whether X-Forwarded-Host is believed.
  bool origin_allowed(std::string_view peer, const HttpRequest& request) const;

  // Whether it is one of the trusted proxies.
  bool trusted(std::string_view address) const;

 private:
  std::vector<Network> proxies_;
  std::vector<std::string> origins_;
  bool guarded_;   // open mode, and auth.open is false
  bool loopback_;  // the bridge listens on loopback only
};

}  // namespace zws
