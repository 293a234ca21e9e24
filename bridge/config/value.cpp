#include "config/value.hpp"

#include <charconv>

#include "core/log.hpp"

namespace zws::config {
namespace {

constexpr std::size_t shown_bytes_max = 160;

struct Unit {
  std::string_view name;
  std::int64_t ms;
};

// Longest first, for duration_text.
constexpr Unit units[] = {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};

// The marks that turn text around and those that nobody sees, as TOML writes them.
struct Unseen {
  std::string_view bytes, escape;
};
constexpr Unseen unseen[] = {
    {"\u00ad", "\\u00AD"}, {"\u061c", "\\u061C"}, {"\u200b", "\\u200B"}, {"\u200c", "\\u200C"},
    {"\u200d", "\\u200D"}, {"\u200e", "\\u200E"}, {"\u200f", "\\u200F"}, {"\u2028", "\\u2028"},
    {"\u2029", "\\u2029"}, {"\u202a", "\\u202A"}, {"\u202b", "\\u202B"}, {"\u202c", "\\u202C"},
    {"\u202d", "\\u202D"}, {"\u202e", "\\u202E"}, {"\u2060", "\\u2060"}, {"\u2066", "\\u2066"},
    {"\u2067", "\\u2067"}, {"\u2068", "\\u2068"}, {"\u2069", "\\u2069"}, {"\ufeff", "\\uFEFF"}};

const Unseen* unseen_at(std::string_view text) {
  for (const Unseen& mark : unseen) {
    if (text.substr(0, mark.bytes.size()) == mark.bytes) return &mark;
  }
  return nullptr;
}

std::string quoted(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (const Unseen* mark = unseen_at(text.substr(at))) {
      out += mark->escape;
      at += mark->bytes.size() - 1;
      continue;
    }
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string escaped_quoted(std::string_view text) { return '"' + log::escaped(text, 96) + '"'; }

std::string joined(const std::vector<std::string>& list, std::string (*text)(std::string_view),
                   std::size_t limit) {
  std::string out = "[";
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ", ";
    if (out.size() > limit) {
      out += "...";
      break;
    }
    out += text(list[i]);
  }
  return out + ']';
}

std::string text_of(const Value& value, std::string (*text)(std::string_view), std::size_t limit) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* string = std::get_if<std::string>(&value)) return text(*string);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    return joined(*list, text, limit);
  }
  return log::escaped(std::get<Foreign>(value).text, shown_bytes_max);
}

}  // namespace

std::string toml_text(const Value& value) { return text_of(value, quoted, std::string::npos); }

std::string shown(const Value& value) { return text_of(value, escaped_quoted, shown_bytes_max); }

std::optional<Duration> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, fault] = std::from_chars(text.data(), end, number);
  if (fault != std::errc{} || number < 0 || text[0] == '-') return std::nullopt;
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  for (const Unit& known : units) {
    if (unit != known.name) continue;
    constexpr std::int64_t ms_max = 10'000'000ll * 3'600'000;
    if (number > ms_max / known.ms) return std::nullopt;
    return Duration{number * known.ms};
  }
  return std::nullopt;
}

std::string duration_text(Duration time) {
  if (time.count() == 0) return "0s";
  for (const Unit& unit : units) {
    if (time == Duration{60'000} && unit.name == "m") continue;  // 60s stands beside 25s
    if (time.count() % unit.ms == 0) {
      return std::to_string(time.count() / unit.ms).append(unit.name);
    }
  }
  return std::to_string(time.count()) + "ms";
}

}  // namespace zws::config
