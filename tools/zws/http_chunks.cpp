#include "http_chunks.hpp"

#include <algorithm>
#include <charconv>

namespace zws::tool {
namespace {

constexpr std::string_view line_end = "\r\n";

std::string lower(std::string_view text) {
  std::string made(text);
  const auto small = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  std::transform(made.begin(), made.end(), made.begin(), small);
  return made;
}

}  // namespace

bool is_chunked(std::string_view head) {
  const std::string text = lower(head);
  const std::size_t field = text.find("\r\ntransfer-encoding:");
  if (field == std::string::npos) return false;
  const std::size_t chunked = text.find("chunked", field);
  return chunked != std::string::npos && chunked < text.find(line_end, field + line_end.size());
}

std::optional<std::string> join_chunks(std::string_view chunks) {
  std::string body;
  for (;;) {
    std::size_t bytes = 0;
    const auto number = std::from_chars(chunks.data(), chunks.data() + chunks.size(), bytes, 16);
    const std::size_t end = chunks.find(line_end);  // of the size; an extension may stand before it
    if (number.ec != std::errc{} || end == std::string_view::npos) return std::nullopt;
    if (bytes == 0) return body;
    chunks.remove_prefix(end + line_end.size());
    if (chunks.size() < bytes || chunks.substr(bytes, line_end.size()) != line_end)
      return std::nullopt;
    body.append(chunks.substr(0, bytes));
    chunks.remove_prefix(bytes + line_end.size());
  }
}

}  // namespace zws::tool
