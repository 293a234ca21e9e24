#include "ingest/line.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

namespace zws {
namespace {

// ZMTP's greeting, and the shortest READY.
constexpr std::uint64_t handshake_bytes_min = 64 + 8;

// All zero where the kernel has none.
tcp_info info_of(int descriptor) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  return info;
}

// Empty for what has none.
std::string port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET)
    return std::to_string(ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port));
  if (address.ss_family == AF_INET6)
    return std::to_string(ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port));
  return {};
}

}  // namespace

Line::Line(int descriptor, const std::string& endpoint)
    : descriptor_(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)) {
  if (descriptor_ >= 0 && !belongs_to(endpoint)) ::close(std::exchange(descriptor_, -1));
}

bool Line::belongs_to(const std::string& endpoint) const {
  const std::string port = endpoint.compare(0, 6, "tcp://") == 0
                               ? endpoint.substr(endpoint.rfind(':') + 1)
                               : std::string();
  sockaddr_storage address{};
  for (const auto ask : {&::getsockname, &::getpeername}) {
    socklen_t size = sizeof address;
    if (ask(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    if (port_of(address) == port) return true;
  }
  return false;
}

Line::Line(Line&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Line& Line::operator=(Line&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Line::~Line() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool Line::hung_up() const noexcept {
  if (descriptor_ < 0) return true;
  pollfd asked{descriptor_, POLLRDHUP, 0};
  return ::poll(&asked, 1, 0) > 0 && (asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

std::chrono::milliseconds Line::silence() const noexcept {
  return std::chrono::milliseconds(info_of(descriptor_).tcpi_last_data_recv);
}

std::uint64_t Line::received() const noexcept { return info_of(descriptor_).tcpi_bytes_received; }

bool Line::may_have_shaken_hands(int descriptor) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
         info.tcpi_bytes_received >= handshake_bytes_min;
}

std::string Line::peer() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return "somebody";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& ip = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &ip.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ':' + std::to_string(ntohs(ip.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& ip = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &ip.sin6_addr, text.data(), text.size());
    return '[' + std::string(text.data()) + "]:" + std::to_string(ntohs(ip.sin6_port));
  }
  ucred who{};
  size = sizeof who;
  if (::getsockopt(descriptor_, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 || who.pid == 0)
    return "somebody";
  return "process " + std::to_string(who.pid);
}

bool Line::cut() const noexcept {
  if (descriptor_ < 0) return false;
  ::shutdown(descriptor_, SHUT_RDWR);  // it fails where the other side has left: it is done then
  return true;
}

}  // namespace zws
