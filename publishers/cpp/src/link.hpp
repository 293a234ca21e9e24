// Link: the ZeroMQ sockets of one publisher, and what bridges asked them for.
//
// Thread:   one at a time; the publisher's lock sees to it. descriptors() may be polled without it.
// Lifetime: sockets live from construction to close().
// Errors:   the constructor throws PublisherError.
//
// One XPUB socket for each endpoint: a bridge that hangs fills its own queue and nobody else's.
// The bridge is always the CURVE server, whichever side binds.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zws/publisher.hpp"

namespace zws {

class Link {
 public:
  Link(const std::vector<std::string>& endpoints, const PublisherOptions& options);
  ~Link();

  // Reads what bridges sent and comes back to those that refused. True when each endpoint has a
  // subscription that `topic` falls under (any subscription, when `topic` is empty).
  bool look(std::string_view topic = {}) noexcept;

  // Whether any bridge had subscribed at the last look.
  bool has_subscriber() const noexcept;

  // False when one queue was full. `header` may be empty: then it is not sent.
  bool send(std::string_view topic, std::string_view payload, std::string_view header) noexcept;

  bool refused() const noexcept;

  // For other sockets of the publisher, which are closed before this is.
  void* context() const noexcept { return context_; }

  // Become readable when look() has something to read, and now and then without.
  std::vector<int> descriptors() const;

  // True when all has left before `linger` had passed.
  bool close(std::chrono::milliseconds linger) noexcept;

 private:
  class Spoke;
  void* context_;
  std::vector<std::unique_ptr<Spoke>> spokes_;
};

}  // namespace zws
