#include "config/socket_path.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace zws {
namespace {

SocketPath try_to_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return SocketPath::unknown;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return SocketPath::unknown;
  const bool connected =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int fault = errno;
  ::close(probe);
  errno = fault;
  // A listener whose queue is full is one, and so is one of another kind of socket.
  if (connected || fault == EAGAIN || fault == EPROTOTYPE) return SocketPath::taken;
  return fault == ECONNREFUSED || fault == ENOENT ? SocketPath::free : SocketPath::unknown;
}

}  // namespace

SocketPath ask_socket_path(const std::string& path) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0)
    return errno == ENOENT ? SocketPath::free : SocketPath::unknown;
  if (!S_ISSOCK(about.st_mode)) return SocketPath::no_socket;
  return try_to_connect(path);
}

std::string why_not(SocketPath path) {
  switch (path) {
    case SocketPath::taken: return "another process listens there";
    case SocketPath::no_socket: return "what is there is no socket, and is not removed";
    default: return std::strerror(errno);
  }
}

}  // namespace zws
