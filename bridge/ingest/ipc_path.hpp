// What lies at the path of an ipc:// endpoint, asked before libzmq binds it: libzmq removes whatever
// is there, another program's socket or a plain file alike.
//
// Thread: any; nothing is kept.
#pragma once

#include <string>

#include "config/socket_path.hpp"

namespace zws {

using IpcPath = SocketPath;

// Of "ipc://PATH". What has no path (other transports, "ipc://*", abstract names) is free.
IpcPath ask_ipc_path(const std::string& endpoint);

// Gives the socket at its path this octal mode.
void set_ipc_mode(const std::string& endpoint, const std::string& mode);

}  // namespace zws
