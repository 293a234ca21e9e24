#include "relay/redis_url.hpp"

#include <algorithm>

#include "core/http.hpp"

namespace zws {

RedisUrl RedisUrl::parse(std::string_view text) {
  RedisUrl url;
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos) return url;
  url.tls = text.substr(0, mark) == "rediss";
  std::string_view rest = text.substr(mark + 3);
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view who = rest.substr(0, at);
    const std::size_t colon = who.find(':');
    url.user = percent_decoded(who.substr(0, colon));
    if (colon != std::string_view::npos) url.password = percent_decoded(who.substr(colon + 1));
    rest = rest.substr(at + 1);
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  if (slash + 1 < rest.size()) url.db = rest.substr(slash + 1);
  std::string_view host = rest.substr(0, slash);
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) url.port = host.substr(colon + 1);
  host = host.substr(0, colon);
  if (bracket != std::string_view::npos) host = host.substr(1, bracket - 1);
  url.host = host;
  return url;
}

std::string RedisUrl::place() const {
  const bool ip6 = host.find(':') != std::string::npos;
  return (tls ? "rediss://" : "redis://") + (ip6 ? '[' + host + ']' : host) + ':' + port + '/' + db;
}

}  // namespace zws
