// What the sockets for producers have in common: how their connections are watched over and encrypted.
//
// Thread: the socket's.
#pragma once

#include <cstdint>
#include <zmq.hpp>

#include "config/config.hpp"
#include "ingest/curve_keys.hpp"

namespace zws {

// By these the gatekeeper knows which socket asks.
constexpr const char* ingest_domain = "zwsbridge";
constexpr const char* repair_domain = "zwsbridge-repair";

// What is larger than an event may be is received all the same, so that it can be named.
std::int64_t frame_bytes_max(const Config& config) noexcept;

// A machine without power closes nothing. Pings find it; for peers that know none, and for what was
// sent and never acknowledged, the kernel does.
void watch_over_connections(zmq::socket_t& socket, const Config& config);

// The server where it connects, too: so a producer needs the same keys wherever it stands.
void encrypt(zmq::socket_t& socket, const CurveKeys& keys, const char* domain);

}  // namespace zws
