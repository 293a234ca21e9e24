// The log: one line for each thing an operator should know, on stderr, as text or JSON.
//
// Thread: any. Everything that came from outside goes through escaped(). A line that strangers can
// provoke goes through a Quiet, which lets one a second pass and counts the rest.
#pragma once

#include <spdlog/fmt/fmt.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"

namespace zws {
class LogWriter;
}

namespace zws::log {

enum class Level { debug, info, warning, error, off };
enum class Format { text, json };

// For the whole program; call it before other threads start, or on reload.
void configure(Level level, Format format, bool audit = true);

// Whether a line of this level would be written.
bool enabled(Level level) noexcept;

// Waits for whoever reads stderr, unless there is a Thread.
void write(Level level, std::string_view line) noexcept;

// While it lives, lines are written by a thread of their own and nobody waits for whoever reads them:
// see LogWriter for what becomes of those that find no room. One for the whole program, constructed
// when the signals that main waits for are blocked. Its end gives what waits a second to be written.
class Thread {
 public:
  Thread();
  ~Thread();
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

 private:
  const std::unique_ptr<LogWriter> writer_;
};

// Lines that were, since the Thread began.
std::uint64_t dropped() noexcept;

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warning))
    write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::error)) write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

// `text` made harmless for a log line: control, bidi, unseen and invalid as \xNN or \u{NNNN}, quotes
// and backslashes escaped, cut to `limit` bytes with "..." behind it.
std::string escaped(std::string_view text, std::size_t limit = 64);

// One line of the audit: fields instead of a sentence, in the order of the calls. No level holds it
// back; it is written unless configure() said otherwise. Values are made harmless, so that whatever
// others chose stays one line; a JSON string says exactly what the value was.
//
//   2026-07-01T12:00:00.000Z audit who="root" users=["ada","bob"] reached=2
class AuditLine {
 public:
  AuditLine();

  // Cut to `limit` bytes.
  AuditLine& text(std::string_view name, std::string_view value, std::size_t limit = 255);
  AuditLine& texts(std::string_view name, const std::vector<std::string>& values);
  AuditLine& number(std::string_view name, std::uint64_t value);

  void write();

 private:
  void append_name(std::string_view name);
  void append_value(std::string_view value, std::size_t limit);

  const Format format_;
  std::string fields_;
};

// Whether one would be written.
bool audits() noexcept;

// A valve for one kind of line: at most one a second passes.
class Quiet {
 public:
  // Whether the line may be written now; `suppressed` then says how many were not since the last.
  bool pass(std::uint64_t& suppressed, SteadyTime now = std::chrono::steady_clock::now()) noexcept;

 private:
  std::atomic<std::int64_t> next_ns_{0};
  std::atomic<std::uint64_t> suppressed_{0};
};

// " (N more like this)" or nothing.
std::string more(std::uint64_t suppressed);

}  // namespace zws::log
