#include "port/acceptor.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "port/listeners.hpp"

namespace zws {
namespace {

constexpr int accepts_per_turn = 64;
constexpr std::chrono::milliseconds back_off_time{50};

int open_reserve() noexcept { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

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
      OpenDescriptor accepted(fd);
      std::string text = ip_text(address);
      on_socket_(accepted.release(), std::move(text));
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
