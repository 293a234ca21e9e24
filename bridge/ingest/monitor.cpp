#include "ingest/monitor.hpp"

#include <atomic>
#include <cstring>

#include "core/log.hpp"

namespace zws {
namespace {

constexpr int watched = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

std::string next_name() {
  static std::atomic<unsigned> number{0};
  return "inproc://source-monitor-" + std::to_string(++number);
}

}  // namespace

Monitor::Monitor(zmq::context_t& context, zmq::socket_t& socket, IngestMetrics& metrics)
    : socket_(socket), events_(context, zmq::socket_type::pair), metrics_(metrics) {
  const std::string name = next_name();
  if (zmq_socket_monitor(socket.handle(), name.c_str(), watched) != 0) throw zmq::error_t();
  events_.set(zmq::sockopt::linger, 0);
  events_.connect(name);
}

Monitor::~Monitor() {
  zmq_socket_monitor(socket_.handle(), nullptr, 0);
  metrics_.producers.set(0);
}

void Monitor::look() {
  zmq::message_t head;
  zmq::message_t address;
  while (events_.recv(head, zmq::recv_flags::dontwait)) {
    std::uint16_t event = 0;
    std::uint32_t value = 0;
    if (head.size() < sizeof event + sizeof value) continue;
    std::memcpy(&event, head.data(), sizeof event);
    std::memcpy(&value, static_cast<const char*>(head.data()) + sizeof event, sizeof value);
    if (head.more() && !events_.recv(address, zmq::recv_flags::none)) continue;
    note(event, value, address.to_string());
  }
}

void Monitor::note(std::uint16_t event, std::uint32_t, const std::string& address) {
  switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      metrics_.producers.add();
      metrics_.producers_connected.add();
      log::info("a producer connected at {} ({} now)", log::escaped(address),
                metrics_.producers.value());
      break;
    case ZMQ_EVENT_DISCONNECTED:
      if (metrics_.producers.value() > 0) metrics_.producers.sub(1);
      metrics_.producers_lost.add();
      log::info("a producer left {} ({} now)", log::escaped(address), metrics_.producers.value());
      break;
    default:
      metrics_.curve_refused.add();
      log::warning("a producer at {} was refused in the handshake", log::escaped(address));
  }
}

}  // namespace zws
