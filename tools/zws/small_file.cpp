#include "small_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "failure.hpp"

namespace zws::tool {
namespace {

constexpr std::size_t bytes_max = 65'536;

struct Close {
  void operator()(std::FILE* file) const noexcept {
    if (file != stdin) std::fclose(file);
  }
};

std::string read(const std::string& what, const std::string& path, std::FILE* opened) {
  const std::unique_ptr<std::FILE, Close> file(opened);
  const auto fail = [&](const std::string& why) {
    return Failure(Exit::failed, "cannot read " + what + " from " + path + ": " + why);
  };
  if (!file) throw fail(std::strerror(errno));
  std::string text(bytes_max + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get())) throw fail(std::strerror(errno));
  if (text.size() > bytes_max) throw fail("it holds more than 64 KiB");
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  if (text.empty()) throw fail("it is empty");
  return text;
}

}  // namespace

std::string read_small_file(const std::string& what, const std::string& path) {
  return read(what, path, path == "-" ? stdin : std::fopen(path.c_str(), "re"));
}

std::string read_small_file(const std::string& what, const std::string& path, int fd) {
  return read(what, path, ::fdopen(fd, "r"));
}

}  // namespace zws::tool
