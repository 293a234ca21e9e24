#include "ingest/ipc_path.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::string_view prefix = "ipc://";

// Empty if it has none.
std::string path_of(const std::string& endpoint) {
  if (endpoint.compare(0, prefix.size(), prefix) != 0) return {};
  const std::string path = endpoint.substr(prefix.size());
  return path == "*" || path[0] == '@' ? std::string() : path;
}

IpcPath try_to_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return IpcPath::unknown;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return IpcPath::unknown;
  const bool connected =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int fault = errno;
  ::close(probe);
  errno = fault;
  // A listener whose queue is full is one, and so is one of another kind of socket.
  if (connected || fault == EAGAIN || fault == EPROTOTYPE) return IpcPath::taken;
  return fault == ECONNREFUSED || fault == ENOENT ? IpcPath::free : IpcPath::unknown;
}

}  // namespace

IpcPath ask_ipc_path(const std::string& endpoint) {
  const std::string path = path_of(endpoint);
  if (path.empty()) return IpcPath::free;
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0) return errno == ENOENT ? IpcPath::free : IpcPath::unknown;
  if (!S_ISSOCK(about.st_mode)) return IpcPath::no_socket;
  return try_to_connect(path);
}

void set_ipc_mode(const std::string& endpoint, const std::string& mode) {
  const std::string path = path_of(endpoint);
  if (path.empty()) return;
  if (::chmod(path.c_str(), static_cast<mode_t>(std::stoul(mode, nullptr, 8))) != 0)
    log::warning("{} keeps its mode, not {} (ingest.ipc_mode): {}", endpoint, mode,
                 std::strerror(errno));
}

}  // namespace zws
