#include "small_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "descriptor.hpp"
#include "failure.hpp"

namespace zws::tool {
namespace {

constexpr std::size_t bytes_max = 65'536;

// Takes the descriptor, unless it is stdin; `fd` < 0: it could not be opened.
std::string read(const std::string& what, const std::string& path, int fd) {
  const auto fail = [&](const std::string& why) {
    return Failure(Exit::failed, "cannot read " + what + " from " + path + ": " + why);
  };
  if (fd < 0) throw fail(std::strerror(errno));
  std::string text(bytes_max + 1, '\0');
  std::size_t size = 0;
  ssize_t got = 1;
  while (got > 0 && size < text.size()) {
    got = read_waiting(fd, text.data() + size, text.size() - size);
    if (got > 0) size += static_cast<std::size_t>(got);
  }
  const int error = errno;
  if (fd != STDIN_FILENO) ::close(fd);
  if (got < 0) throw fail(std::strerror(error));
  text.resize(size);
  if (text.size() > bytes_max) throw fail("it holds more than 64 KiB");
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  if (text.empty()) throw fail("it is empty");
  return text;
}

}  // namespace

std::string read_small_file(const std::string& what, const std::string& path) {
  return read(what, path, path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

std::string read_small_file(const std::string& what, const std::string& path, int fd) {
  return read(what, path, fd);
}

}  // namespace zws::tool
