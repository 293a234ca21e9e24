#include "config/route_table.hpp"

#include <algorithm>

namespace zws {

RouteTable::RouteTable(const Config& config) {
  fallback_.history = config.history.size;
  fallback_.ttl = config.history.ttl;
  for (const RouteConfig& route : config.routes) {
    const auto pattern = Pattern::parse(route.match);
    if (!pattern) continue;  // load_config has refused such a route already
    entries_.push_back({*pattern,
                        {route.format, route.history.value_or(config.history.size),
                         route.ttl.value_or(config.history.ttl), route.replay, route.overflow,
                         route.key, route.match, route.expect}});
    replay_max_ = std::max(replay_max_, route.replay);
  }
}

const Route& RouteTable::match(std::string_view topic) const noexcept {
  for (const Entry& entry : entries_) {
    if (entry.match.matches(topic)) return entry.route;
  }
  return fallback_;
}

}  // namespace zws
