#include "ws/acceptor.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "core/error.hpp"

namespace zws {
namespace {

constexpr int accepts_per_turn = 64;
constexpr int backlog = 4096;
constexpr std::chrono::milliseconds back_off_time{50};

int open_reserve() noexcept { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

std::string text_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
  } else {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  }
  return text;
}

std::string name_of(const sockaddr_storage& address) {
  const bool v6 = address.ss_family == AF_INET6;
  const std::uint16_t port = ntohs(v6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                      : reinterpret_cast<const sockaddr_in&>(address).sin_port);
  const std::string host = text_of(address);
  return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

[[noreturn]] void refuse(const std::string& listen, const char* what) {
  throw StartupError(StartupError::machine, fmt::format("cannot listen on {}: {}", listen, what));
}

struct Resolved {
  sockaddr_storage address{};
  socklen_t size = 0;
};

Resolved resolve(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos) refuse(listen, "it is not host:port");
  std::string host = listen.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int fault = getaddrinfo(host.empty() ? nullptr : host.c_str(), listen.c_str() + colon + 1,
                                &hints, &found);
  if (fault != 0) refuse(listen, gai_strerror(fault));
  Resolved resolved;
  std::memcpy(&resolved.address, found->ai_addr, found->ai_addrlen);
  resolved.size = found->ai_addrlen;
  freeaddrinfo(found);
  return resolved;
}

int bind_once(const std::string& listen, Resolved& at, bool shared) {
  const int fd = ::socket(at.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) refuse(listen, std::strerror(errno));
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (shared) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&at.address), at.size) != 0) {
    const int fault = errno;
    ::close(fd);
    refuse(listen, std::strerror(fault));
  }
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at.address), &at.size);
  return fd;
}

}  // namespace

std::vector<ListenAddress> listen_on(const std::string& listen, std::size_t count) {
  Resolved at = resolve(listen);
  // SO_REUSEPORT would let us share the port of another zwsbridge; a socket without it cannot.
  ::close(bind_once(listen, at, false));
  std::vector<ListenAddress> all;
  for (std::size_t i = 0; i < count; ++i) {
    const int fd = bind_once(listen, at, true);
    if (::listen(fd, backlog) != 0) refuse(listen, std::strerror(errno));
    all.push_back({name_of(at.address), fd});
  }
  return all;
}

Acceptor::Acceptor(asio::io_context& loop, int descriptor,
                   std::function<void(int, std::string)> on_socket)
    : listener_(loop, descriptor),
      pause_(loop),
      on_socket_(std::move(on_socket)),
      reserve_(open_reserve()) {}

Acceptor::~Acceptor() {
  if (reserve_ >= 0) ::close(reserve_);
}

void Acceptor::start() { wait(); }

void Acceptor::stop() {
  asio::error_code ignored;
  pause_.cancel(ignored);
  listener_.close(ignored);
}

void Acceptor::wait() {
  if (!listener_.is_open()) return;
  listener_.async_wait(Descriptor::wait_read, [this](const asio::error_code& error) {
    if (!error) accept_some();
  });
}

void Acceptor::accept_some() noexcept try {
  for (int i = 0; i < accepts_per_turn; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd = ::accept4(listener_.native_handle(), reinterpret_cast<sockaddr*>(&address),
                             &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const int yes = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      on_socket_(fd, text_of(address));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return back_off();
    }  // else the peer went away before we took it: take the next
  }
  wait();
} catch (const std::exception& error) {
  log::error("a connection could not be taken: {}", error.what());
  wait();
}

void Acceptor::back_off() {
  std::uint64_t suppressed = 0;
  if (log_.pass(suppressed))
    log::warning(
        "no descriptors left: new connections are refused; raise the limit on open files{}",
        log::more(suppressed));
  if (reserve_ >= 0) {
    ::close(reserve_);
    const int refused = ::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
    if (refused >= 0) ::close(refused);
    reserve_ = open_reserve();
  } else {
    reserve_ = open_reserve();
  }
  pause_.expires_after(back_off_time);
  pause_.async_wait([this](const asio::error_code& error) {
    if (!error) accept_some();
  });
}

}  // namespace zws
