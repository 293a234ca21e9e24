#include "port/listeners.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "config/address.hpp"
#include "config/socket_path.hpp"
#include "core/error.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

constexpr int backlog = 4096;
constexpr int ports_tried = 16;

struct Place {
  sockaddr_storage address{};
  socklen_t size = 0;
  bool v6_only = false;
};

[[noreturn]] void refuse(const std::string& listen, const std::string& why) {
  throw StartupError(StartupError::machine, fmt::format("cannot listen on {}: {}", listen, why));
}

Place place_of(const std::string& host, std::uint16_t port) {
  Place place;
  if (host.find(':') != std::string::npos) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(place.address);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr);
    place.size = sizeof v6;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(place.address);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    inet_pton(AF_INET, host.c_str(), &v4.sin_addr);
    place.size = sizeof v4;
  }
  return place;
}

std::uint16_t port_of(const Place& place) {
  return ntohs(place.address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(place.address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(place.address).sin_port);
}

std::string name_of(const Place& place) {
  const std::string host = ip_text(place.address);
  const bool v6 = place.address.ss_family == AF_INET6;
  return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port_of(place));
}

// A bound socket, or -1 with errno. `place` is then where it is really bound.
int bind_to(Place& place, bool shared) {
  const int fd = ::socket(place.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (shared) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
  if (place.v6_only) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&place.address), place.size) != 0) {
    const int fault = errno;
    ::close(fd);
    errno = fault;
    return -1;
  }
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&place.address), &place.size);
  return fd;
}

// SO_REUSEPORT would let us share the port of another zwsbridge; a socket without it cannot. Names the
// port where any would do. False with errno if somebody is there.
bool is_free(Place& place) {
  const int fd = bind_to(place, false);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

// The loopback addresses that this machine has, with one port.
std::vector<Place> localhost(const std::string& listen, std::uint16_t port) {
  for (int left = port == 0 ? ports_tried : 1;; --left) {
    std::vector<Place> places;
    int fault = 0;
    for (const char* host : {"127.0.0.1", "::1"}) {
      Place place = place_of(host, places.empty() ? port : port_of(places.front()));
      if (is_free(place)) {
        places.push_back(place);
      } else if (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) {
        fault = errno;
      }
    }
    if (fault == 0 && !places.empty()) return places;
    if (left == 1)
      refuse(listen, fault != 0 ? std::strerror(fault) : "this machine has no loopback address");
  }
}

std::vector<Place> places_of(const std::string& listen) {
  const auto address = Address::parse(listen);
  if (!address) refuse(listen, "it is no address");
  if (listen.rfind("localhost:", 0) == 0) return localhost(listen, address->port);
  return {place_of(address->host, address->port)};
}

ListenAddress listen_at(const std::string& listen, Place place, std::size_t count) {
  ListenAddress listening;
  for (std::size_t i = 0; i < count; ++i) {
    const int fd = bind_to(place, true);
    if (fd < 0 || ::listen(fd, backlog) != 0) refuse(listen, std::strerror(errno));
    listening.descriptors.push_back(fd);
  }
  listening.text = name_of(place);
  return listening;
}

// Who may connect is for the folder to say: the socket is as open as a port of the machine's own.
ListenAddress listen_at_path(const std::string& listen, const std::string& path,
                             std::size_t count) {
  const SocketPath there = ask_socket_path(path);
  if (there != SocketPath::free) refuse(listen, why_not(there));
  ListenAddress listening;
  listening.text = listen;
  listening.local = true;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0666) != 0 || ::lstat(path.c_str(), &listening.socket) != 0 ||
      ::listen(fd, backlog) != 0)
    refuse(listen, std::strerror(errno));
  listening.descriptors.push_back(fd);
  while (listening.descriptors.size() < count) {
    const int again = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (again < 0) refuse(listen, std::strerror(errno));
    listening.descriptors.push_back(again);
  }
  return listening;
}

}  // namespace

std::vector<ListenAddress> listen_on(const std::vector<std::string>& listen, std::size_t count) {
  std::vector<ListenAddress> all;
  for (const std::string& text : listen) {
    if (const auto path = unix_path(text)) {
      all.push_back(listen_at_path(text, std::string(*path), count));
      continue;
    }
    for (Place& place : places_of(text)) {
      // [::] takes IPv4 along, unless that is listed by itself.
      const std::string v4 = "0.0.0.0:" + std::to_string(port_of(place));
      place.v6_only = std::find(listen.begin(), listen.end(), v4) != listen.end();
      if (!is_free(place)) refuse(text, std::strerror(errno));
      all.push_back(listen_at(text, place, count));
    }
  }
  return all;
}

void remove_socket(const ListenAddress& address) noexcept {
  if (!address.local) return;
  const auto path = unix_path(address.text);
  struct stat there {};
  if (!path || ::lstat(path->data(), &there) != 0) return;
  if (there.st_dev == address.socket.st_dev && there.st_ino == address.socket.st_ino)
    ::unlink(path->data());
}

std::string ip_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "127.0.0.1";
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
  } else if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  }
  return text;
}

}  // namespace zws
