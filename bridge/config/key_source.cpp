#include "config/key_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

constexpr off_t file_bytes_max = 1 << 20;
constexpr std::size_t shown_bytes_max = 4096;

struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) close(number);
  }
};

}  // namespace

KeySource::KeySource(const std::string& setting, std::string path)
    : name_(setting + ": " + log::escaped(path, shown_bytes_max)), path_(std::move(path)) {}

KeySource KeySource::member(const std::string& which) const {
  KeySource inner = *this;
  inner.name_ += ": " + which;
  return inner;
}

std::string KeySource::read() const {
  // O_NONBLOCK: a FIFO must not hold up the start.
  const Descriptor file{open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0) refuse(std::string("cannot be opened: ") + std::strerror(errno));
  struct stat status {};
  if (fstat(file.number, &status) != 0) refuse(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) refuse("is a directory; allowed: a file");
  if (!S_ISREG(status.st_mode)) refuse("is not a regular file");
  if (status.st_size > file_bytes_max) refuse("is over 1 MiB, too large for keys");
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = ::read(file.number, &content[size], content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(std::string("cannot be read: ") + std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  content.resize(size);
  if (content.empty()) refuse("is empty");
  return content;
}

void KeySource::refuse(const std::string& problem) const {
  throw StartupError(StartupError::configuration, name_ + ": " + problem);
}

}  // namespace zws
