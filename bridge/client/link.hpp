// Link: what a session may ask of the connection that carries it.
//
// Thread: its lane only.
#pragma once

#include <string_view>

#include "client/close_code.hpp"
#include "client/outbox.hpp"

namespace zws {

class Link {
 public:
  virtual Outbox& outbox() noexcept = 0;

  // Starts the closing handshake behind what waits.
  virtual void close(CloseCode code, std::string_view reason) noexcept = 0;

  // Ends the connection now; what waits is lost. Takes effect on the lane's next turn, so the caller
  // may still be using the session.
  virtual void abort() noexcept = 0;

  // The largest message that may come from now on; a larger one closes with 1009.
  virtual void limit_messages(std::size_t bytes) noexcept = 0;

  // The session is no longer busy: what the client says is read again, as soon as the queue has room.
  virtual void go_on_reading() noexcept = 0;

  // Whether reading is paused (backpressure): the queue is at its bound, or the session is busy.
  virtual bool deaf() const noexcept = 0;

 protected:
  ~Link() = default;
};

}  // namespace zws
