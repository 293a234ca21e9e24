#include "api/request.hpp"

#include <charconv>
#include <limits>
#include <optional>

#include "auth/base64url.hpp"

namespace zws {
namespace {

constexpr std::size_t page_default = 100;
constexpr std::size_t page_max = 1000;

// Digits alone, and no more of them than fit.
std::optional<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, fault] = std::from_chars(text.data(), end, number);
  if (fault != std::errc{} || rest != end) return std::nullopt;
  return number;
}

[[noreturn]] void refuse_cursor() {
  throw ApiRefusal{400, "invalid_message", "cursor must be one that a page gave"};
}

}  // namespace

std::size_t page_limit(const ApiRequest& request) {
  return query_number(request, "limit", page_default, page_max);
}

std::size_t query_number(const ApiRequest& request, const std::string& name, std::size_t fallback,
                         std::size_t most) {
  const std::string text = query_value(request.http.query, name);
  if (text.empty()) return fallback;
  const auto number = number_of(text);
  if (!number || *number == 0 || *number > most)
    throw ApiRefusal{400, "invalid_message",
                     name + " must be an integer from 1 to " + std::to_string(most)};
  return *number;
}

std::string cursor_json(std::string_view place) { return '"' + encode_base64url(place) + '"'; }

std::string name_cursor(const ApiRequest& request) {
  const auto name = decode_base64url(query_value(request.http.query, "cursor"));
  if (!name) refuse_cursor();
  return *name;
}

std::uint64_t history_cursor(const ApiRequest& request) {
  const std::string text = name_cursor(request);
  if (text.empty()) return std::numeric_limits<std::uint64_t>::max();
  const auto cursor = number_of(text);
  if (!cursor) refuse_cursor();
  return *cursor;
}

}  // namespace zws
