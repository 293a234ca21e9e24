#include "client/wire.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace zws {
namespace {

ssize_t outcome(ssize_t result) noexcept {
  if (result >= 0) return result;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS
             ? static_cast<ssize_t>(Wire::blocked)
             : static_cast<ssize_t>(Wire::broken);
}

}  // namespace

ssize_t Wire::write(std::string_view bytes) noexcept {
  return outcome(::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

ssize_t Wire::write(const iovec* pieces, std::size_t count) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces);
  message.msg_iovlen = count;
  return outcome(::sendmsg(descriptor_, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

ssize_t Wire::read(char* buffer, std::size_t size) noexcept {
  return outcome(::recv(descriptor_, buffer, size, MSG_DONTWAIT));
}

void Wire::shutdown() noexcept { ::shutdown(descriptor_, SHUT_WR); }

}  // namespace zws
