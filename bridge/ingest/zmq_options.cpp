#include "ingest/zmq_options.hpp"

#include <algorithm>
#include <chrono>

namespace zws {
namespace {

constexpr std::size_t frame_margin = 64 * 1024;  // topic and payload may be one frame
constexpr std::chrono::milliseconds connect_patience{
    3'000};                         // then the next try, unlike the kernel
constexpr int keepalive_steps = 3;  // silence, and two probes

}  // namespace

std::int64_t frame_bytes_max(const Config& config) noexcept {
  return static_cast<std::int64_t>(
      std::max(config.ingest.frame_bytes, config.limits.event_bytes + frame_margin));
}

void watch_over_connections(zmq::socket_t& socket, const Config& config) {
  const Duration heartbeat = config.ingest.heartbeat;
  const Duration patience = config.ingest.heartbeat_timeout;
  const auto in_ms = [](Duration time) { return static_cast<int>(time.count()); };
  socket.set(zmq::sockopt::handshake_ivl, in_ms(config.limits.handshake_timeout));
  socket.set(zmq::sockopt::connect_timeout, in_ms(connect_patience));
  if (heartbeat > Duration(0)) {
    socket.set(zmq::sockopt::heartbeat_ivl, in_ms(heartbeat));
    // libzmq counts from the ping that was not answered.
    socket.set(zmq::sockopt::heartbeat_timeout, in_ms(patience - heartbeat));
    socket.set(zmq::sockopt::heartbeat_ttl, in_ms(patience));
  }
  const auto third = std::chrono::duration_cast<std::chrono::seconds>(patience / keepalive_steps);
  const int step = std::max(1, static_cast<int>(third.count()));
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, step);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, step);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, keepalive_steps - 1);
  socket.set(zmq::sockopt::tcp_maxrt, in_ms(patience));
}

void encrypt(zmq::socket_t& socket, const CurveKeys& keys, const char* domain) {
  if (!keys.on()) return;
  socket.set(zmq::sockopt::curve_server, true);
  socket.set(zmq::sockopt::curve_secretkey, keys.secret);
  socket.set(zmq::sockopt::zap_domain, domain);
}

}  // namespace zws
