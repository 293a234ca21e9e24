// Acceptor: takes connections from one listening socket onto one lane.
//
// When descriptors run out it neither spins nor dies: a reserve descriptor is given up to accept and
// refuse the one at the head of the queue, and the rest wait 50 ms at a time.
//
// Thread: its lane only. Lifetime: outlives its pending wait (the loop is destroyed first).
#pragma once

#include <asio/steady_timer.hpp>
#include <functional>
#include <string>
#include <vector>

#include "core/log.hpp"
#include "ws/descriptor.hpp"

namespace zws {

class Acceptor {
 public:
  // `descriptor` is bound, listening and non-blocking; the acceptor owns it from here on.
  // `on_socket` gets a non-blocking, close-on-exec descriptor and the peer's address.
  Acceptor(asio::io_context& loop, int descriptor,
           std::function<void(int descriptor, std::string address)> on_socket);
  ~Acceptor();

  void start();
  void stop();

 private:
  void wait();
  void accept_some() noexcept;
  void back_off();

  Descriptor listener_;
  asio::steady_timer pause_;
  std::function<void(int, std::string)> on_socket_;
  int reserve_;
  log::Quiet log_;
};

struct ListenAddress {
  std::string text;  // "127.0.0.1:8000", as it is really bound
  int descriptor;
};

// Binds `listen` ("host:port", port 0 = any) `count` times, so that each lane has a queue of its own.
// Throws StartupError{machine} that names the address; an address another process listens on, with
// or without SO_REUSEPORT, is refused.
std::vector<ListenAddress> listen_on(const std::string& listen, std::size_t count);

}  // namespace zws
