#include "ingest/ipc_path.hpp"

#include <sys/stat.h>

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

}  // namespace

IpcPath ask_ipc_path(const std::string& endpoint) {
  const std::string path = path_of(endpoint);
  if (path.empty()) return IpcPath::free;
  return ask_socket_path(path);
}

void set_ipc_mode(const std::string& endpoint, const std::string& mode) {
  const std::string path = path_of(endpoint);
  if (path.empty()) return;
  if (::chmod(path.c_str(), static_cast<mode_t>(std::stoul(mode, nullptr, 8))) != 0)
    log::warning("{} keeps its mode, not {} (ingest.ipc_mode): {}", endpoint, mode,
                 std::strerror(errno));
}

}  // namespace zws
