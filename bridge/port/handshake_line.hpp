// HandshakeLine: TLS handshakes wait for each other, so that events wait for none of them but one.
//
// A handshake takes a millisecond, and of the sockets that are ready at once a loop serves dozens
// before anything else has its turn. So what a handshake does next is put in a line, and the loop is
// given back after `share`.
//
// Thread: its lane only. Lifetime: outlives nothing that waits in it; what still waits goes with it.
// Exceptions: a step throws none.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>

#include "core/clock.hpp"

namespace zws {

class HandshakeLine {
 public:
  static constexpr std::chrono::milliseconds share{2};

  explicit HandshakeLine(asio::io_context& loop, const Clock& clock = Clock::real())
      : loop_(loop), clock_(clock) {}

  void add(std::function<void()> step);

 private:
  void go_on_soon();
  void go_on();

  asio::io_context& loop_;
  const Clock& clock_;
  std::deque<std::function<void()>> waiting_;
  bool due_ = false;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace zws
