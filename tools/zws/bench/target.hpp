// Target: the bridge's WebSocket address as a load generator needs it: resolved once.
//
// Thread: any; immutable. Throws Failure for a URL that is not ws://host[:port]/path (usage) and for
// a host that has no address (cannot_connect).
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace zws::tool {

class Target {
 public:
  explicit Target(const std::string& url, const std::string& token = {});

  // The upgrade request, the same for every client.
  const std::string& request() const noexcept { return request_; }

  // A non-blocking socket on its way to the target (errno EINPROGRESS or connected), or -1 with
  // errno set. On loopback client c has the source address 127.0.0.(2 + c modulo 250), so that
  // ephemeral ports are no limit.
  int connect(std::uint32_t client) const noexcept;

  // What the server must answer to the key in request().
  static constexpr const char* accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

 private:
  sockaddr_storage address_{};
  socklen_t address_size_ = 0;
  bool loopback_ = false;
  std::string request_;
};

}  // namespace zws::tool
