// What lies at the path of a Unix socket, asked before it is bound: whoever binds removes what is there,
// and that must be neither a file nor a socket that somebody listens on.
//
// Thread: any; nothing is kept.
#pragma once

#include <cstdint>
#include <string>

namespace zws {

enum class SocketPath : std::uint8_t {
  free,       // nothing, or a socket that nobody listens on any more
  taken,      // somebody listens there
  no_socket,  // a file or folder
  unknown,    // it cannot be asked: errno says why
};

SocketPath ask_socket_path(const std::string& path);

// Why it cannot be bound (anything but free), in a few words.
std::string why_not(SocketPath path);

}  // namespace zws
