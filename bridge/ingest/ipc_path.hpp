// What lies at the path of an ipc:// endpoint, asked before libzmq binds it: libzmq removes whatever
// is there, another program's socket or a plain file alike.
//
// Thread: any; nothing is kept.
#pragma once

#include <cstdint>
#include <string>

namespace zws {

enum class IpcPath : std::uint8_t {
  free,       // nothing, or a socket that nobody listens on any more
  taken,      // somebody listens there
  no_socket,  // a file or folder
  unknown,    // it cannot be asked: errno says why
};

// Of "ipc://PATH". What has no path (other transports, "ipc://*", abstract names) is free.
IpcPath ask_ipc_path(const std::string& endpoint);

// Gives the socket at its path this octal mode.
void set_ipc_mode(const std::string& endpoint, const std::string& mode);

}  // namespace zws
