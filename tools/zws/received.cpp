#include "received.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/position.hpp"

namespace zws::tool {
namespace {

constexpr std::string_view id_member = R"(,"@id":")";
constexpr std::string_view wrapped = R"({"type":"message","topic":)";
constexpr std::string_view data_member = R"(,"data":)";
constexpr std::string_view time_member = R"(,"timestamp":")";
constexpr std::string_view base64_member = R"(,"encoding":"base64")";

bool starts_with(std::string_view text, std::string_view prefix) noexcept {
  return text.substr(0, prefix.size()) == prefix;
}

bool ends_with(std::string_view text, std::string_view suffix) noexcept {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

// Where the bridge's @id begins in the message; it is always the last member.
std::size_t id_begin(std::string_view message) noexcept {
  const std::size_t brace = message.find_last_not_of(" \t\r\n");
  if (brace == std::string_view::npos || message[brace] != '}' || brace == 0) return message.npos;
  const std::size_t begin = message.rfind(id_member, brace);
  if (begin == message.npos) return begin;
  const std::size_t id = begin + id_member.size();
  const std::string_view rest = message.substr(id, brace - id);
  if (rest.empty() || rest.back() != '"') return message.npos;
  return Position::parse(rest.substr(0, rest.size() - 1)) ? begin : message.npos;
}

// The size of the JSON string that `text` begins with; 0 if it begins with none.
std::size_t string_size(std::string_view text) noexcept {
  if (text.empty() || text[0] != '"') return 0;
  std::size_t at = 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return at < text.size() ? at + 1 : 0;
}

std::string decode_base64(std::string_view text) {
  std::string out;
  unsigned group = 0;
  int bits = 0;
  for (const char c : text) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t value = alphabet.find(c);
    if (value == alphabet.npos) break;
    group = group << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 255U);
  }
  return out;
}

std::string text_of(std::string_view json_string) {
  const nlohmann::json value = nlohmann::json::parse(json_string, nullptr, false);
  return value.is_string() ? value.get<std::string>() : std::string(json_string);
}

// The payload of an event that the bridge wrapped, whose text up to the @id is `event`.
std::optional<std::string> unwrapped(std::string_view event) {
  if (!starts_with(event, wrapped)) return std::nullopt;
  const std::size_t topic = wrapped.size();
  const std::size_t data = topic + string_size(event.substr(topic));
  const std::size_t time = event.rfind(time_member);
  if (!starts_with(event.substr(data), data_member) || time == event.npos) return std::nullopt;
  const std::size_t begin = data + data_member.size();
  if (time < begin) return std::nullopt;
  std::string_view value = event.substr(begin, time - begin);
  if (ends_with(value, base64_member)) {
    value.remove_suffix(base64_member.size());
    return decode_base64(text_of(value));
  }
  return starts_with(value, "\"") ? text_of(value) : std::string(value);
}

bool is_name(std::string_view quoted, std::string_view name) {
  if (quoted.find('\\') != quoted.npos) return text_of(quoted) == name;
  return quoted.substr(1, quoted.size() - 2) == name;
}

// Where the topic that the bridge added begins in `event`, an event's text up to its @id.
std::size_t added_topic(std::string_view event) {
  for (const std::string_view name : {R"(,"topic":)", R"(,"@topic":)"}) {
    const std::size_t begin = event.rfind(name);
    if (begin == event.npos) continue;
    const std::string_view value = event.substr(begin + name.size());
    if (!value.empty() && string_size(value) == value.size()) return begin;
  }
  return event.npos;
}

}  // namespace

ReceivedKind kind_of(std::string_view message, bool binary) {
  if (binary) return ReceivedKind::raw;
  return id_begin(message) != message.npos ? ReceivedKind::event : ReceivedKind::control;
}

std::string_view id_of(std::string_view event) noexcept {
  const std::size_t begin = id_begin(event);
  if (begin == event.npos) return {};
  const std::string_view rest = event.substr(begin + id_member.size());
  return rest.substr(0, rest.find('"'));
}

std::string topic_of(std::string_view event) {
  std::string_view topic;
  std::string_view at_topic;
  std::string_view name;  // of the member that the scan is in; empty before that
  int depth = 0;
  for (std::size_t at = 0; at < event.size(); ++at) {
    const char c = event[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c == ',' && depth == 1) name = {};
    if (c != '"') continue;
    const std::string_view text = event.substr(at, string_size(event.substr(at)));
    if (text.empty()) return {};
    at += text.size() - 1;
    if (depth != 1) continue;
    if (name.empty())
      name = text;
    else if (is_name(name, "topic"))
      topic = text;
    else if (is_name(name, "@topic"))
      at_topic = text;
  }
  return text_of(at_topic.empty() ? topic : at_topic);
}

std::string payload_of(std::string_view event) {
  const std::size_t id = id_begin(event);
  if (id == event.npos) return std::string(event);
  const std::string_view before = event.substr(0, id);
  if (auto payload = unwrapped(before)) return *std::move(payload);
  const std::size_t end = std::min(added_topic(before), id);
  return std::string(event.substr(0, end)) + std::string(event.substr(event.rfind('}')));
}

std::string one_line(std::string_view event) {
  std::string line(event);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

}  // namespace zws::tool
