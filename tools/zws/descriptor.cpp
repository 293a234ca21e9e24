#include "descriptor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace zws::tool {
namespace {

// Whether it is worth to try again what has failed.
bool waited(int fd, short event) noexcept {
  if (errno == EINTR) return true;
  if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
  pollfd ready{fd, event, 0};
  return ::poll(&ready, 1, -1) >= 0 || errno == EINTR;
}

}  // namespace

ssize_t read_waiting(int fd, void* into, std::size_t bytes) noexcept {
  ssize_t got;
  do got = ::read(fd, into, bytes);
  while (got < 0 && waited(fd, POLLIN));
  return got;
}

ssize_t write_waiting(int fd, const void* from, std::size_t bytes) noexcept {
  ssize_t written;
  do written = ::write(fd, from, bytes);
  while (written < 0 && waited(fd, POLLOUT));
  return written;
}

void fill_standard_descriptors() noexcept {
  int descriptor = 0;
  while ((descriptor = ::open("/dev/null", O_RDWR)) >= 0 && descriptor <= STDERR_FILENO) {
  }
  if (descriptor > STDERR_FILENO) ::close(descriptor);
}

}  // namespace zws::tool
