#include "bench/target.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "failure.hpp"
#include "url.hpp"

namespace zws::tool {

Target::Target(const std::string& url, const std::string& token) {
  const Url place = Url::parse(url);
  if (place.tls) throw Failure(Exit::usage, "--url " + url + ": the bench speaks no TLS");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(place.host.c_str(), place.port.c_str(), &hints, &found);
  if (error != 0) {
    throw Failure(Exit::cannot_connect, "--url " + url + ": " + gai_strerror(error));
  }
  address_size_ = found->ai_addrlen;
  std::memcpy(&address_, found->ai_addr, address_size_);
  freeaddrinfo(found);
  if (address_.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address_);
    loopback_ = ntohl(v4.sin_addr.s_addr) >> 24 == 127;
  }
  request_ = "GET " + place.path + " HTTP/1.1\r\nHost: " + place.authority() +
             "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
             (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") + "\r\n";
}

int Target::connect(std::uint32_t client) const noexcept {
  const int fd = ::socket(address_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (loopback_) {
    // Without a port of its own yet: the kernel picks one per destination when it connects.
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(0x7F000002 + client % 250);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) {
      ::close(fd);
      return -1;
    }
  }
  const auto* to = reinterpret_cast<const sockaddr*>(&address_);
  if (::connect(fd, to, address_size_) == 0 || errno == EINPROGRESS) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

}  // namespace zws::tool
