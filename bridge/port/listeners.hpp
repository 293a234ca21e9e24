// Listeners: the sockets that new clients come to, bound before any lane runs.
//
// Thread: main, before the lanes start and after they have stopped.
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>

#include <string>
#include <vector>

namespace zws {

// What one lane listens on. The descriptor is bound, listening and non-blocking.
struct Listener {
  int descriptor = -1;
  bool local = false;  // a Unix socket: what comes through it has not left the machine
};

struct ListenAddress {
  std::string text;              // "127.0.0.1:8000", "unix:/run/http.sock", as it is really bound
  std::vector<int> descriptors;  // one for each lane
  bool local = false;
  struct stat socket {};  // the file of a Unix socket
};

// Binds each of `listen` (server.listen; port 0 is any) `count` times, so that each lane has a queue of
// its own. Of a Unix socket all lanes share one. Throws StartupError{machine} that names the address;
// one that another process listens on, with or without SO_REUSEPORT, is refused.
std::vector<ListenAddress> listen_on(const std::vector<std::string>& listen, std::size_t count);

// Removes the file of a Unix socket, if it is still ours.
void remove_socket(const ListenAddress& address) noexcept;

// The IP address of a client; that of a Unix socket counts as this machine's.
std::string ip_text(const sockaddr_storage& address);

}  // namespace zws
