#include "auth/kept_keys.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "auth/token_cache.hpp"

namespace zws {
namespace {

constexpr off_t file_bytes_max = 1 << 20;
constexpr std::size_t name_bytes = 8;  // of the digest

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string hex_of(const TokenDigest& digest) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < name_bytes; ++i) {
    text += digits[digest[i] >> 4];
    text += digits[digest[i] & 15];
  }
  return text;
}

bool write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t wrote = ::write(fd, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    done += static_cast<std::size_t>(wrote);
  }
  return ::fsync(fd) == 0;
}

// "/a/b/c": a, b and c, as far as they are not there.
void make_folders(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1))
    ::mkdir(path.substr(0, slash).c_str(), 0700);
  ::mkdir(path.c_str(), 0700);
}

}  // namespace

std::string KeptKeys::folder() {
  const std::string service = environment("STATE_DIRECTORY");
  if (!service.empty()) return service.substr(0, service.find(':'));
  const std::string state = environment("XDG_STATE_HOME");
  if (!state.empty() && state[0] == '/') return state + "/zwsbridge";
  const std::string home = environment("HOME");
  return home.size() > 1 && home[0] == '/' ? home + "/.local/state/zwsbridge" : "";
}

KeptKeys::KeptKeys(const std::string& folder, const std::string& url) : folder_(folder) {
  if (!folder.empty() && !url.empty()) path_ = folder + "/jwks-" + hex_of(digest_of(url)) + ".json";
}

std::string KeptKeys::read() const {
  if (path_.empty()) return {};
  const int fd = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return {};
  struct stat info {};
  std::string text;
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == ::geteuid() &&
      (info.st_mode & 022) == 0 && info.st_size <= file_bytes_max) {
    text.resize(static_cast<std::size_t>(info.st_size));
    if (::read(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) text.clear();
  }
  ::close(fd);
  return text;
}

std::string KeptKeys::write(const std::string& text) const {
  if (path_.empty()) return "there is no folder for it";
  make_folders(folder_);
  const std::string beside = path_ + "." + std::to_string(::getpid());
  ::unlink(beside.c_str());
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return std::strerror(errno);
  const bool written = write_all(fd, text);
  const int fault = errno;
  const bool closed = ::close(fd) == 0;
  if (written && closed && ::rename(beside.c_str(), path_.c_str()) == 0) return {};
  const std::string why = std::strerror(written ? errno : fault);
  ::unlink(beside.c_str());
  return why;
}

}  // namespace zws
