#include "core/http.hpp"

#include <algorithm>

#include "core/json_text.hpp"

namespace zws {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

bool HeaderLess::operator()(std::string_view a, std::string_view b) const noexcept {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return lower(x) < lower(y); });
}

std::string_view HttpRequest::header(std::string_view name) const noexcept {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view{} : std::string_view(found->second);
}

HttpResponse HttpResponse::error(int status, std::string_view code, std::string_view message) {
  HttpResponse response;
  response.status = status;
  response.body = R"({"success":false,"code":)" + json_string(code) + R"(,"message":)" +
                  json_string(message) + "}";
  return response;
}

}  // namespace zws
