// WsClient: one WebSocket connection of a command, from its handshake to its end.
//
// Thread:   one. Everything happens inside run(); the handlers are called there and may call
//           send(), stop() and expect_life().
// Lifetime: one run() each. What the handlers throw comes out of run().
// Bounded:  a message of more than 128 MiB ends the connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "tls.hpp"
#include "url.hpp"

namespace zws::tool {

struct WsHandlers {
  std::function<void()> opened;
  std::function<void(std::string_view message, bool binary)> received;
};

// How a connection ended.
struct WsEnd {
  enum class Cause {
    stopped,        // by stop()
    deadline,       // the time was over
    reader_gone,    // nobody reads stdout any more
    not_connected,  // reason says why
    refused,        // the server answered the handshake with another HTTP status: code
    silent,         // no sign of life for as long as expect_life() said
    closed,         // with a close code (1006: without one) and a reason
  };
  Cause cause = Cause::not_connected;
  int code = 0;
  std::string reason;
};

class WsClient {
 public:
  WsClient(const Url& url, const std::string& token, const TlsOptions& tls, WsHandlers handlers);
  ~WsClient();

  WsEnd run(SteadyTime deadline);

  void send(const std::string& text);
  void stop();
  // From now on so long a silence (pings count as life) ends the connection.
  void expect_life(std::chrono::seconds silence);

  class Connection;

 private:
  std::unique_ptr<Connection> connection_;
};

}  // namespace zws::tool
