#include "api/request.hpp"

#include <charconv>

namespace zws {
namespace {

constexpr std::size_t page_default = 100;
constexpr std::size_t page_max = 1000;

}  // namespace

std::size_t page_limit(const ApiRequest& request) {
  const std::string text = query_value(request.http.query, "limit");
  if (text.empty()) return page_default;
  std::size_t limit = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (fault != std::errc{} || end != text.data() + text.size() || limit == 0 || limit > page_max)
    throw ApiRefusal{400, "invalid_message", "limit must be an integer from 1 to 1000"};
  return limit;
}

}  // namespace zws
