// RedisStream: the bytes of one TCP connection to Redis, plain or in TLS, from the look-up of its name to
// its end. What it carries is RedisLink's.
//
// With TLS the server must have a certificate for the name in the URL, of an authority that this machine
// (or SSL_CERT_FILE) trusts.
//
// Thread: the one that runs `loop`. Lifetime: lives until its last handler has run; after close() it
// calls nobody.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "relay/redis_url.hpp"

namespace zws {

class RedisStream {
 public:
  struct Events {
    std::function<void()> on_open;
    std::function<void(std::string_view)> on_bytes;
    std::function<void()> on_sent;                      // all of the last write() has left
    std::function<void(const std::string&)> on_failed;  // why; nothing comes after it
  };

  // Begins to connect. Throws what a machine without TLS throws.
  static std::shared_ptr<RedisStream> open(asio::io_context& loop, const RedisUrl& url,
                                           Events events);

  virtual ~RedisStream() = default;

  // The next only after on_sent().
  virtual void write(std::string bytes) = 0;
  virtual void close() noexcept = 0;
};

}  // namespace zws
