#include "core/log.hpp"

#include <unistd.h>

#include <mutex>

#include "core/bidi.hpp"
#include "core/json_text.hpp"
#include "core/log_memory.hpp"
#include "core/log_writer.hpp"
#include "core/secrets.hpp"
#include "core/topic.hpp"

namespace zws::log {
namespace {

std::atomic<Level> lowest{Level::info};
std::atomic<Format> shape{Format::text};
std::atomic<bool> audit_is_on{true};

// Who puts a line holds it for as long as that takes; so writer_of_thread may end at any time.
std::mutex door;
LogWriter* writer_of_thread = nullptr;  // while there is a Thread

const char* word(Level level) noexcept {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
    case Level::off: return "off";
  }
  return "info";
}

std::string time_now() { return rfc3339(std::chrono::system_clock::now()); }

std::string formatted(const std::string& time, Level level, std::string_view line) {
  std::string text;
  if (shape.load(std::memory_order_relaxed) == Format::json) {
    text = R"({"time":")" + time + R"(","level":")" + word(level) + R"(","message":)";
    append_json_string(text, line);
    text += '}';
  } else {
    text = time + ' ' + word(level) + ' ';
    text += line;
  }
  text += '\n';
  return text;
}

// Whatever log.level is: what is missing from a log must be known.
std::string dropped_line(std::uint64_t lines) {
  return formatted(time_now(), Level::warning,
                   fmt::format("log lines dropped because nothing read them: {}", lines));
}

void write_out(const std::string& text) {
  const std::lock_guard lock(door);
  if (writer_of_thread != nullptr) {
    writer_of_thread->put(text);
  } else {
    write_within(STDERR_FILENO, text, std::chrono::hours(24));
  }
}

// The code point of one valid UTF-8 sequence.
char32_t code_of(std::string_view sequence) noexcept {
  const auto byte = [&](std::size_t at) {
    return static_cast<char32_t>(static_cast<unsigned char>(sequence[at]));
  };
  char32_t code = byte(0);
  if (sequence.size() > 1) code &= 0x7fU >> sequence.size();
  for (std::size_t i = 1; i < sequence.size(); ++i) code = code << 6 | (byte(i) & 0x3fU);
  return code;
}

// What takes no room: two names that differ by it look the same.
bool is_unseen(char32_t code) noexcept {
  return code == 0xad || code == 0x34f || code == 0x115f || code == 0x1160 || code == 0x180e ||
         (code >= 0x200b && code <= 0x200d) || (code >= 0x2060 && code <= 0x206f) ||
         code == 0x3164 || code == 0xfeff || code == 0xffa0 || (code >= 0xe0000 && code <= 0xe007f);
}

// What would end a terminal's line, turn its text around, cannot be seen or does worse.
bool is_unruly(std::string_view sequence) noexcept {
  return has_control(sequence) || has_bidi(sequence) || sequence == "\u2028" ||
         sequence == "\u2029" || is_unseen(code_of(sequence));
}

void append_hex(std::string& out, std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
}

// The longest valid sequence at `at`, or one byte.
std::string_view next_sequence(std::string_view text, std::size_t at, bool& valid) noexcept {
  for (std::size_t size = 1; size <= 4 && at + size <= text.size(); ++size) {
    if (is_utf8(text.substr(at, size))) {
      valid = true;
      return text.substr(at, size);
    }
  }
  valid = false;
  return text.substr(at, 1);
}

// One unruly UTF-8 sequence.
void append_json_escape(std::string& out, std::string_view sequence) {
  auto code = static_cast<unsigned>(code_of(sequence));
  if (code > 0xffff) {
    code -= 0x10000;
    out += fmt::format("\\u{:04x}", 0xd800 + (code >> 10));
    code = 0xdc00 + (code & 0x3ff);
  }
  out += fmt::format("\\u{:04x}", code);
}

enum class Quotes { escaped, as_they_are };

// The first `limit` bytes or so of `text`, with what is not fit for a line put down by `unfit`: called with
// the piece and whether that is valid UTF-8.
template <typename Unfit>
std::string fit(std::string_view text, std::size_t limit, Unfit unfit,
                Quotes quotes = Quotes::escaped) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size() && out.size() < limit) {
    bool valid = false;
    const std::string_view sequence = next_sequence(text, at, valid);
    if (!valid || is_unruly(sequence)) {
      unfit(out, sequence, valid);
    } else {
      const bool is_special = sequence == "\"" || sequence == "\\";
      if (is_special && quotes == Quotes::escaped) out += '\\';
      out += sequence;
    }
    at += sequence.size();
  }
  if (at < text.size()) out += "...";
  return out;
}

// escaped() as the inside of a JSON string, which says the same as `text` where that is valid.
std::string json_escaped(std::string_view text, std::size_t limit) {
  return fit(text, limit, [](std::string& out, std::string_view sequence, bool valid) {
    if (valid) return append_json_escape(out, sequence);
    out += "\\ufffd";
  });
}

// What others chose is harmless in a line already; the rest, such as the system's own words, is made so here.
// What looks like a secret is hidden while it is whole: a password that was cut could not be told any more.
// Where that fails the line is not kept, and written all the same.
void keep(LogMemory& memory, const std::string& time, const char* level,
          std::string_view line) noexcept try {
  constexpr std::size_t looked_at = 16 * LogMemory::line_bytes_max;
  const auto hex = [](std::string& out, std::string_view sequence, bool /*valid*/) {
    append_hex(out, sequence);
  };
  const std::string shown = without_secrets(line.substr(0, looked_at));
  memory.keep(std::make_shared<const KeptLine>(
      KeptLine{time, level, fit(shown, LogMemory::line_bytes_max, hex, Quotes::as_they_are)}));
} catch (...) {
}

}  // namespace

void configure(Level level, Format format, bool audit) {
  lowest = level;
  shape = format;
  audit_is_on = audit;
}

bool enabled(Level level) noexcept { return level >= lowest.load(std::memory_order_relaxed); }

void write(Level level, std::string_view line) noexcept try {
  const std::string time = time_now();
  keep(newest_lines(), time, word(level), line);
  write_out(formatted(time, level, line));
} catch (...) {
  // A log that cannot be written must not take the program with it.
}

std::uint64_t dropped() noexcept {
  const std::lock_guard lock(door);
  return writer_of_thread != nullptr ? writer_of_thread->dropped() : 0;
}

Thread::Thread() : writer_(std::make_unique<LogWriter>(STDERR_FILENO, dropped_line)) {
  const std::lock_guard lock(door);
  writer_of_thread = writer_.get();
}

Thread::~Thread() {
  const std::lock_guard lock(door);
  writer_of_thread = nullptr;
}

std::string escaped(std::string_view text, std::size_t limit) {
  return fit(text, limit, [](std::string& out, std::string_view sequence, bool /*valid*/) {
    append_hex(out, sequence);
  });
}

bool audits() noexcept { return audit_is_on.load(std::memory_order_relaxed); }

AuditLine::AuditLine() : format_(shape.load(std::memory_order_relaxed)) {}

AuditLine& AuditLine::text(std::string_view name, std::string_view value, std::size_t limit) {
  append_name(name);
  append_value(value, limit);
  return *this;
}

AuditLine& AuditLine::texts(std::string_view name, const std::vector<std::string>& values) {
  append_name(name);
  fields_ += '[';
  for (const std::string& value : values) {
    if (fields_.back() != '[') fields_ += ',';
    append_value(value, 255);
  }
  fields_ += ']';
  return *this;
}

AuditLine& AuditLine::number(std::string_view name, std::uint64_t value) {
  append_name(name);
  fields_ += std::to_string(value);
  return *this;
}

void AuditLine::write() {
  if (!audits()) return;
  const std::string time = time_now();
  const std::string_view bare = std::string_view(fields_).substr(fields_.empty() ? 0 : 1);
  keep(newest_audit(), time, "audit",
       format_ == Format::json ? fmt::format("{{{}}}", bare) : std::string(bare));
  if (format_ == Format::json) {
    write_out(R"({"time":")" + time + R"(","level":"audit")" + fields_ + "}\n");
  } else {
    write_out(time + " audit" + fields_ + '\n');
  }
}

void AuditLine::append_name(std::string_view name) {
  if (format_ == Format::json) {
    fields_ += ",\"";
    fields_ += name;
    fields_ += "\":";
  } else {
    fields_ += ' ';
    fields_ += name;
    fields_ += '=';
  }
}

void AuditLine::append_value(std::string_view value, std::size_t limit) {
  fields_ += '"';
  fields_ += format_ == Format::json ? json_escaped(value, limit) : escaped(value, limit);
  fields_ += '"';
}

bool Quiet::pass(std::uint64_t& suppressed, SteadyTime now) noexcept {
  const std::int64_t now_ns = now.time_since_epoch().count();
  std::int64_t next = next_ns_.load(std::memory_order_relaxed);
  if (now_ns < next || !next_ns_.compare_exchange_strong(next, now_ns + 1'000'000'000)) {
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  suppressed = suppressed_.exchange(0, std::memory_order_relaxed);
  return true;
}

std::string more(std::uint64_t suppressed) {
  return suppressed == 0 ? std::string{} : fmt::format(" ({} more like this)", suppressed);
}

}  // namespace zws::log
