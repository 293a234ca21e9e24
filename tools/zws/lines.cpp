#include "lines.hpp"

#include <cerrno>
#include <cstring>

#include "descriptor.hpp"
#include "failure.hpp"

namespace zws::tool {
namespace {

constexpr std::size_t line_bytes_max = std::size_t{16} << 20;
constexpr std::size_t read_bytes = 65'536;

}  // namespace

std::optional<std::string> Lines::next() {
  ++number_;
  for (;;) {
    const std::size_t newline = buffer_.find('\n', searched_);
    if (newline != std::string::npos) {
      std::string line = buffer_.substr(taken_, newline - taken_);
      taken_ = searched_ = newline + 1;
      return line;
    }
    searched_ = buffer_.size();
    if (ended_ || !fill()) break;
  }
  if (taken_ == buffer_.size()) return std::nullopt;
  std::string line = buffer_.substr(taken_);
  taken_ = searched_ = buffer_.size();
  return line;
}

bool Lines::fill() {
  buffer_.erase(0, taken_);
  searched_ -= taken_;
  taken_ = 0;
  if (buffer_.size() > line_bytes_max)
    throw Failure(Exit::failed,
                  "line " + std::to_string(number_) + " of stdin is longer than 16 MiB");
  const std::size_t size = buffer_.size();
  buffer_.resize(size + read_bytes);
  const ssize_t got = read_waiting(file_, buffer_.data() + size, read_bytes);
  if (got < 0)
    throw Failure(Exit::failed, std::string("cannot read stdin: ") + std::strerror(errno));
  buffer_.resize(size + static_cast<std::size_t>(got));
  ended_ = got == 0;
  return got > 0;
}

}  // namespace zws::tool
