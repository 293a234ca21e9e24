#include "auth/admin_token.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "core/error.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::size_t secret_bytes = 32;
constexpr std::size_t file_bytes = 2 * secret_bytes + 1;  // and a newline

std::string make_token() {
  std::array<unsigned char, secret_bytes> secret{};
  if (RAND_bytes(secret.data(), static_cast<int>(secret.size())) != 1) return {};
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : secret) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

bool is_folder(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// systemd's folder for the service, the user's own, or one in /tmp that only the user can enter.
std::string runtime_folder() {
  for (const char* name : {"RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"}) {
    const char* folder = std::getenv(name);
    if (folder != nullptr && *folder != '\0' && is_folder(folder)) return folder;
  }
  const std::string user = "/run/user/" + std::to_string(::geteuid());
  if (is_folder(user)) return user;
  const std::string own = "/tmp/zwsbridge-" + std::to_string(::geteuid());
  ::mkdir(own.c_str(), 0700);
  struct stat info {};
  if (::lstat(own.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() &&
      (info.st_mode & 077) == 0)
    return own;
  return {};
}

// What a file holds that this class may have written; anything else is somebody's. Nothing is followed
// and nothing waited for.
std::optional<std::string> token_in(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  struct stat info {};
  const bool like_ours = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                         info.st_uid == ::geteuid() && (info.st_mode & 07777) == 0600 &&
                         info.st_size == static_cast<off_t>(file_bytes);
  std::string text(file_bytes, '\0');
  const ssize_t got = like_ours ? ::read(fd, text.data(), text.size()) : -1;
  ::close(fd);
  if (got != static_cast<ssize_t>(file_bytes) || text.back() != '\n') return std::nullopt;
  text.pop_back();
  if (text.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  return text;
}

bool exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

// Writes beside the file and renames, so that nobody reads half a token or one of another mode.
bool write_private(const std::string& path, const std::string& text) {
  const std::string beside = path + "." + std::to_string(::getpid());
  ::unlink(beside.c_str());
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool closed = ::close(fd) == 0;
  if (written && closed && ::rename(beside.c_str(), path.c_str()) == 0) return true;
  const int fault = errno;
  ::unlink(beside.c_str());
  errno = fault;
  return false;
}

}  // namespace

AdminToken::~AdminToken() {
  if (!file_.empty() && token_in(file_) == token_) ::unlink(file_.c_str());
}

AdminToken::AdminToken(AdminToken&& other) noexcept
    : token_(std::exchange(other.token_, {})), file_(std::exchange(other.file_, {})) {}

AdminToken& AdminToken::operator=(AdminToken&& other) noexcept {
  std::swap(token_, other.token_);
  std::swap(file_, other.file_);
  return *this;
}

AdminToken AdminToken::write(const std::string& file, unsigned port, std::string& fault) {
  AdminToken made;
  std::string path = file;
  if (path.empty()) {
    const std::string folder = runtime_folder();
    if (folder.empty()) {
      fault = "there is no private runtime folder; set auth.admin_token_file";
      return made;
    }
    path = folder + "/zwsbridge-" + std::to_string(port) + ".token";
  }
  if (exists(path) && !token_in(path))
    throw StartupError(
        StartupError::machine,
        "auth.admin_token_file = \"" + log::escaped(path, 1024) +
            "\": this file is not one that the bridge wrote, and stays as it is; name "
            "another, or remove it");
  const std::string token = make_token();
  if (token.empty() || !write_private(path, token + "\n")) {
    fault = path + ": " + std::strerror(errno);
    return made;
  }
  made.token_ = token;
  made.file_ = path;
  return made;
}

bool AdminToken::matches(std::string_view token) const noexcept {
  return !token_.empty() && token.size() == token_.size() &&
         CRYPTO_memcmp(token.data(), token_.data(), token.size()) == 0;
}

}  // namespace zws
