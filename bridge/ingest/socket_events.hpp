// SocketEvents: what libzmq's monitor tells of a socket's connections, one at a time.
//
// Thread: the source's. Lifetime: ends before its socket. Bound: what happens between two looks. libzmq's own
// thread never waits for a look: it would hold the lock that the end of this needs. But what is queued is
// memory of libzmq's, above whose level that thread goes slowly (zmq_heap). Errors: the constructor throws zmq::error_t.
#pragma once

#include <cstdint>
#include <string>
#include <zmq.hpp>

namespace zws {

struct SocketEvent {
  std::uint16_t number = 0;  // ZMQ_EVENT_...
  std::uint32_t value = 0;
  std::string address;
};

class SocketEvents {
 public:
  // `watched`: ZMQ_EVENT_... , joined.
  SocketEvents(zmq::context_t& context, zmq::socket_t& socket, int watched);
  ~SocketEvents();
  SocketEvents(const SocketEvents&) = delete;
  SocketEvents& operator=(const SocketEvents&) = delete;

  // False if nothing more has happened. Never waits.
  bool next(SocketEvent& event);

  // Readable, until next() has found the end, where something has happened.
  int descriptor() const { return events_.get(zmq::sockopt::fd); }

 private:
  void* const socket_;
  zmq::socket_t events_;
};

}  // namespace zws
