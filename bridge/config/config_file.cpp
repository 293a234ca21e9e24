#include "config/config_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/error.hpp"
#include "core/log.hpp"

namespace zws::config {
namespace {

constexpr std::size_t bytes_max = std::size_t{1} << 20;
constexpr timespec patience{1, 0};

class File {
 public:
  // A pipe that nobody writes yet does not keep open() waiting.
  explicit File(const std::string& path)
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (descriptor_ < 0) fail(errno);
    struct stat about {};
    is_file_ =
        ::fstat(descriptor_, &about) != 0 || S_ISREG(about.st_mode) || S_ISDIR(about.st_mode);
  }
  ~File() { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::string read() {
    std::string text(bytes_max + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
      wait();
      const ssize_t got = ::read(descriptor_, text.data() + size, text.size() - size);
      if (got == 0) break;
      if (got > 0)
        size += static_cast<std::size_t>(got);
      else if (errno != EAGAIN && errno != EINTR)
        fail(errno);
    }
    text.resize(size);
    return text;
  }

 private:
  [[noreturn]] void fail(int error) const {
    throw StartupError(StartupError::configuration,
                       log::escaped(path_, 1024) +
                           ": the configuration file cannot be read: " + std::strerror(error));
  }

  // Meanwhile it can be ended: whoever serves has blocked these signals.
  void wait() {
    if (is_file_) return;
    sigset_t blocked{};
    ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    ::sigdelset(&blocked, SIGINT);
    ::sigdelset(&blocked, SIGTERM);
    pollfd asked{descriptor_, POLLIN, 0};
    for (;;) {
      const int found = ::ppoll(&asked, 1, told_ ? nullptr : &patience, &blocked);
      if (found > 0) return;
      if (found < 0 && errno != EINTR) fail(errno);
      if (found == 0) tell();
    }
  }

  void tell() {
    told_ = true;
    log::warning(
        "waiting for the configuration from {}: it is no file, and ends when its writer does",
        log::escaped(path_, 1024));
  }

  const std::string path_;
  const int descriptor_;
  bool is_file_ = true;
  bool told_ = false;
};

}  // namespace

std::string read_config_file(const std::string& path) {
  std::string text = File(path).read();
  if (text.size() > bytes_max)
    throw StartupError(StartupError::configuration,
                       log::escaped(path, 1024) + ": a configuration file is at most 1 MiB");
  return text;
}

bool can_be_read_once(const std::string& path) noexcept {
  struct stat about {};
  if (path.empty() || ::stat(path.c_str(), &about) != 0) return false;
  return S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode);
}

}  // namespace zws::config
