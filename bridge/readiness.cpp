#include "readiness.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "config/address.hpp"
#include "port/tls_question.hpp"

namespace zws {
namespace {

constexpr std::string_view question =
    "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
constexpr std::size_t status_line_bytes = 15;  // "HTTP/1.1 200 OK"
constexpr timeval patience{2, 0};              // for each step

struct Socket {
  int descriptor = -1;
  ~Socket() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

bool connect_to(Socket& socket, const sockaddr* address, socklen_t size) {
  socket.descriptor = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket.descriptor < 0) return false;
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(socket.descriptor, SOL_SOCKET, option, &patience, sizeof patience);
  return ::connect(socket.descriptor, address, size) == 0;
}

// Where it listens; every address of this machine is its loopback address.
bool connect_to(Socket& socket, const std::string& listen) {
  if (const auto path = unix_path(listen)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path->copy(address.sun_path, sizeof address.sun_path - 1);
    return connect_to(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  const auto at = Address::parse(listen);
  if (at->host.find(':') != std::string::npos) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(at->port);
    inet_pton(AF_INET6, at->host == "::" ? "::1" : at->host.c_str(), &address.sin6_addr);
    return connect_to(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(at->port);
  inet_pton(AF_INET, at->host == "0.0.0.0" ? "127.0.0.1" : at->host.c_str(), &address.sin_addr);
  return connect_to(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

std::string ask(int descriptor) {
  if (::send(descriptor, question.data(), question.size(), MSG_NOSIGNAL) < 0) return {};
  char answer[status_line_bytes];
  const ssize_t size = ::recv(descriptor, answer, sizeof answer, MSG_WAITALL);
  return size > 0 ? std::string(answer, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

std::string why_not_ready(const ServerConfig& server) {
  const std::string& listen = server.listen.front();
  Socket socket;
  if (!connect_to(socket, listen))
    return "nobody answers at " + listen + ": " + std::strerror(errno);
  const bool encrypted = !server.tls_cert.empty() && !unix_path(listen);
  const std::string answer = encrypted
                                 ? ask_over_tls(socket.descriptor, question, status_line_bytes)
                                 : ask(socket.descriptor);
  if (answer.rfind("HTTP/1.1 200", 0) == 0) return {};
  return "the bridge at " + listen + " is not ready" + (answer.empty() ? "" : ": " + answer);
}

}  // namespace zws
