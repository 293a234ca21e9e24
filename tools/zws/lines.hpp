// Lines: stdin, a line at a time, as they come.
//
// Thread: one. Bounded: a line of more than 16 MiB is a Failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace zws::tool {

class Lines {
 public:
  explicit Lines(int file) : file_(file) {}

  // The next line without its newline; nothing at the end. A last line may lack the newline.
  std::optional<std::string> next();

 private:
  bool fill();

  int file_;
  std::string buffer_;
  std::size_t taken_ = 0;     // of buffer_: given out already
  std::size_t searched_ = 0;  // of buffer_: holds no newline from taken_ on
  std::uint64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace zws::tool
