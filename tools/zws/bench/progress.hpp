// Progress: one line on a terminal's stderr that says how far a bench is; silent elsewhere.
//
// Thread: one. Cost: nothing but a clock comparison more often than ten times a second.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace zws::tool {

class Progress {
 public:
  explicit Progress(bool wanted) : shown_(wanted && ::isatty(STDERR_FILENO) != 0) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // share: 0 to 1. now_ns: any clock that runs forward.
  void show(std::int64_t now_ns, const std::string& label, double share) {
    if (!shown_ || now_ns - last_ns_ < 100'000'000) return;
    last_ns_ = now_ns;
    constexpr int width = 30;
    const double held = share < 0 ? 0 : share > 1 ? 1 : share;
    const auto filled = static_cast<std::size_t>(held * width);
    std::fprintf(stderr, "\r\033[K%-12s [%s%s] %3.0f %%", label.c_str(),
                 std::string(filled, '#').c_str(), std::string(width - filled, ' ').c_str(),
                 held * 100);
    std::fflush(stderr);
    drawn_ = true;
  }

  void clear() {
    if (drawn_) std::fputs("\r\033[K", stderr);
    drawn_ = false;
  }

 private:
  bool shown_;
  bool drawn_ = false;
  std::int64_t last_ns_ = 0;
};

}  // namespace zws::tool
