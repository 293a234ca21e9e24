#include "core/position.hpp"

#include <algorithm>
#include <charconv>

namespace zws {

bool is_source(std::string_view text) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !text.empty() && text.size() <= source_bytes_max &&
         std::all_of(text.begin(), text.end(), allowed);
}

std::optional<Position> Position::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_source(text.substr(0, colon))) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  if (digits.empty() || digits[0] == '-' || (digits.size() > 1 && digits[0] == '0'))
    return std::nullopt;
  std::int64_t seq = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), seq);
  if (fault != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return Position{std::string(text.substr(0, colon)), static_cast<std::uint64_t>(seq)};
}

}  // namespace zws
