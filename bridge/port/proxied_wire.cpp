#include "port/proxied_wire.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "core/http.hpp"
#include "port/proxy_header.hpp"

namespace zws {
namespace {

std::string answer_to_bad_header(std::string_view why) {
  const std::string body = HttpResponse::error(400, "invalid_message", why).body;
  return "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

Wire::Handshake ProxiedWire::handshake() noexcept try {
  if (!taken_) {
    const Handshake step = take_header();
    if (step != Handshake::done) return step;
    taken_ = true;
  }
  const Handshake step = inner_->handshake();
  set_held(inner_->held());
  return step;
} catch (const std::bad_alloc&) {
  return Handshake::failed;
}

// What may be a part of the header is taken from the socket, what stands behind it never.
Wire::Handshake ProxiedWire::take_header() {
  for (;;) {
    char next[proxy_header_bytes_max];
    const ssize_t seen = ::recv(descriptor(), next, sizeof next, MSG_PEEK | MSG_DONTWAIT);
    if (seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
      return Handshake::wants_read;
    if (seen <= 0) return Handshake::failed;
    const std::size_t before = begun_.size();
    begun_.append(next, static_cast<std::size_t>(seen));
    ProxyHeader header = read_proxy_header(begun_);
    if (header.kind == ProxyHeader::Kind::none) {
      begun_.resize(before);
      return Handshake::done;
    }
    if (header.kind == ProxyHeader::Kind::bad) return refuse("this is no PROXY header");
    const bool whole = header.kind == ProxyHeader::Kind::good;
    if (whole && !trusted_) return refuse("server.trusted_proxies does not hold this address");
    const std::size_t taken = whole ? header.bytes - before : static_cast<std::size_t>(seen);
    if (Wire::read(next, taken) != static_cast<ssize_t>(taken)) return Handshake::failed;
    if (!whole) continue;
    begun_ = {};
    client_ = std::move(header.address);
    return Handshake::done;
  }
}

Wire::Handshake ProxiedWire::refuse(std::string_view why) noexcept {
  fault_ = why;
  Wire::write(answer_to_bad_header(why));
  return Handshake::refused;
}

ssize_t ProxiedWire::after(ssize_t outcome) noexcept {
  set_held(inner_->held());
  return outcome;
}

ssize_t ProxiedWire::write(std::string_view bytes) noexcept { return after(inner_->write(bytes)); }

ssize_t ProxiedWire::write(const iovec* pieces, std::size_t count) noexcept {
  return after(inner_->write(pieces, count));
}

ssize_t ProxiedWire::flush() noexcept { return after(inner_->flush()); }

ssize_t ProxiedWire::read(char* buffer, std::size_t size) noexcept {
  if (begun_.empty()) return after(inner_->read(buffer, size));
  const std::size_t count = begun_.copy(buffer, size);
  begun_.erase(0, count);
  if (begun_.empty()) begun_ = {};
  return static_cast<ssize_t>(count);
}

}  // namespace zws
