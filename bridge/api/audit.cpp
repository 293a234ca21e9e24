#include "api/audit.hpp"

#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::size_t name_bytes_max = 255;  // a topic's or a user's, whole
constexpr std::size_t path_bytes_max = 100;  // the names in it follow by themselves
constexpr std::size_t names_max = 10;

std::string quoted(std::string_view name) { return '"' + log::escaped(name, name_bytes_max) + '"'; }

}  // namespace

std::string audit_name(std::string_view kind, std::string_view name) {
  return std::string(kind) + ' ' + quoted(name);
}

std::string audit_names(std::string_view kind, const std::vector<std::string>& names) {
  if (names.empty()) return "no " + std::string(kind);
  std::string text = audit_name(kind, names[0]);
  const std::size_t shown = std::min(names.size(), names_max);
  for (std::size_t i = 1; i < shown; ++i) text += ", " + quoted(names[i]);
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

void audit(const ApiRequest& request, std::string_view what, std::optional<std::size_t> reached) {
  log::info("audit: {} from {}: {} {}{}{}{}", quoted(request.who),
            log::escaped(request.http.address), request.http.method,
            log::escaped(request.http.path, path_bytes_max), what.empty() ? "" : ", ", what,
            reached ? fmt::format(", reached {}", *reached) : std::string{});
}

}  // namespace zws
