#include "output.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/log.hpp"
#include "core/topic.hpp"
#include "descriptor.hpp"
#include "failure.hpp"

namespace zws::tool {
namespace {

bool is_plain(unsigned char c) noexcept {
  return c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f);
}

// The UTF-8 character that `text` begins with, or one byte.
std::string_view first_character(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text[0]);
  const auto character = text.substr(0, lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);
  return is_utf8(character) ? character : text.substr(0, 1);
}

std::string json_escape(std::string_view character) {
  if (!is_utf8(character)) return "\\ufffd";
  unsigned code = static_cast<unsigned char>(character[0]);
  if (character.size() > 1) code &= 0x7fU >> character.size();
  for (const char c : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 63U);
  char escape[16];
  if (code > 0xffff) {
    code -= 0x10000;
    std::snprintf(escape, sizeof escape, "\\u%04x\\u%04x", 0xd800U + (code >> 10 & 0x3ffU),
                  0xdc00U + (code & 0x3ffU));
  } else {
    std::snprintf(escape, sizeof escape, "\\u%04x", code & 0xffffU);
  }
  return escape;
}

}  // namespace

bool write_data(std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = write_waiting(STDOUT_FILENO, data.data(), data.size());
    if (written < 0 && errno == EPIPE) return false;
    if (written < 0)
      throw Failure(Exit::failed, std::string("cannot write to stdout: ") + std::strerror(errno));
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void talk(std::string_view line) noexcept {
  std::string text(line);
  text += '\n';
  std::string_view left = text;
  while (!left.empty()) {
    const ssize_t written = write_waiting(STDERR_FILENO, left.data(), left.size());
    if (written < 0) return;  // nobody can be told that stderr does not work
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

bool data_is_seen() noexcept { return ::isatty(STDOUT_FILENO) == 1; }

bool talk_is_seen() noexcept { return ::isatty(STDERR_FILENO) == 1; }

bool data_has_colour() noexcept {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return data_is_seen() && (!no_color || *no_color == '\0') && terminal &&
         std::strcmp(terminal, "dumb") != 0;
}

bool reader_has_gone() noexcept {
  pollfd out{STDOUT_FILENO, 0, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

std::string printable(std::string_view text) {
  std::string out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && !is_plain(static_cast<unsigned char>(text[i]))) continue;
    if (begin < i) out += log::escaped(text.substr(begin, i - begin), std::string::npos);
    if (i < text.size()) out += text[i];
    begin = i + 1;
  }
  return out;
}

std::string printable_line(std::string_view text, std::size_t limit) {
  const std::string escaped = log::escaped(text, limit);
  std::string out;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    // A log puts texts between quotes; here they stand for themselves.
    const bool is_quote = escaped[i] == '\\' && escaped.compare(i + 1, 1, "\"") == 0;
    if (!is_quote) out += escaped[i];
    if (escaped[i] == '\\' && i + 1 < escaped.size()) out += escaped[++i];
  }
  return out;
}

std::string printable_json(std::string_view json) {
  std::string out;
  while (!json.empty()) {
    const std::string_view character = first_character(json);
    const bool harmless =
        is_plain(static_cast<unsigned char>(json[0])) || log::escaped(character) == character;
    out += harmless ? std::string(character) : json_escape(character);
    json.remove_prefix(character.size());
  }
  return out;
}

}  // namespace zws::tool
