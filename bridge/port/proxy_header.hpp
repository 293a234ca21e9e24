// ProxyHeader: what a proxy says of a connection before its first byte (PROXY protocol 1 and 2, as
// HAProxy's proxy-protocol.txt has it).
//
// Thread: any; a pure function. Bound: no header is longer than proxy_header_bytes_max.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zws {

constexpr std::size_t proxy_header_bytes_max = 4096;

struct ProxyHeader {
  enum class Kind : std::uint8_t {
    unfinished,  // it may become one: more bytes are needed
    none,        // something else begins
    good,
    bad,
  };

  Kind kind = Kind::unfinished;
  std::size_t bytes = 0;  // of a good one
  std::string address;    // the client's; empty where the proxy speaks for itself (LOCAL, UNKNOWN)
};

// `begin` is what has come so far.
ProxyHeader read_proxy_header(std::string_view begin);

}  // namespace zws
