// LogWriter: writes the lines of the log on a thread of its own, so that no other thread waits for
// whoever reads them, or fails to.
//
// Thread: put() from any; it waits for nobody but others that put. The writing thread takes no signals
// that were blocked before it began.
// Lifetime: the destructor writes what waits, for at most `finish` and a little; whatever then hangs in
// the kernel is left to the end of the process.
// Bound: `bytes` of lines that wait. A line that finds no room is dropped, and so is every later one
// until half of the room is free; then a line says how many those were.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace zws {

class LogWriter {
 public:
  // The line that says how many were dropped, with its newline.
  using Tell = std::string (*)(std::uint64_t dropped);

  static constexpr std::size_t usual_bytes = 1024 * 1024;
  static constexpr std::chrono::milliseconds usual_finish{1000};

  LogWriter(int descriptor, Tell tell, std::size_t bytes = usual_bytes,
            std::chrono::milliseconds finish = usual_finish);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // `line` ends with a newline.
  void put(std::string_view line) noexcept;

  // Lines that found no room, or that the descriptor refused (its reader has left, its disk is full).
  std::uint64_t dropped() const noexcept;

 private:
  class Lines;

  const std::shared_ptr<Lines> lines_;
  const std::chrono::milliseconds finish_;
  std::thread thread_;
};

// Writes `text` as far as `descriptor` takes it within `time`; false if that was not all of it.
bool write_within(int descriptor, std::string_view text, std::chrono::milliseconds time) noexcept;

}  // namespace zws
