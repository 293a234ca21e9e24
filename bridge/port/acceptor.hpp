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

#include "core/log.hpp"
#include "port/descriptor.hpp"

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

}  // namespace zws
