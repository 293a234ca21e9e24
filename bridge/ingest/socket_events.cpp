#include "ingest/socket_events.hpp"

#include <atomic>
#include <cstring>

namespace zws {
namespace {

std::string next_name() {
  static std::atomic<unsigned> number{0};
  return "inproc://socket-events-" + std::to_string(++number);
}

}  // namespace

SocketEvents::SocketEvents(zmq::context_t& context, zmq::socket_t& socket, int watched)
    : socket_(socket.handle()), events_(context, zmq::socket_type::pair) {
  const std::string name = next_name();
  if (zmq_socket_monitor(socket_, name.c_str(), watched) != 0) throw zmq::error_t();
  events_.set(zmq::sockopt::linger, 0);
  events_.set(zmq::sockopt::rcvhwm, 0);
  events_.connect(name);
}

SocketEvents::~SocketEvents() { zmq_socket_monitor(socket_, nullptr, 0); }

bool SocketEvents::next(SocketEvent& event) {
  zmq::message_t head;
  zmq::message_t address;
  if (!events_.recv(head, zmq::recv_flags::dontwait)) return false;
  if (head.more() && !events_.recv(address)) return false;
  event = {};
  if (head.size() >= sizeof event.number + sizeof event.value) {
    std::memcpy(&event.number, head.data(), sizeof event.number);
    std::memcpy(&event.value, static_cast<const char*>(head.data()) + sizeof event.number,
                sizeof event.value);
  }
  event.address = address.to_string();
  return true;
}

}  // namespace zws
