// The sources whose events the bridge numbers itself.
#pragma once

#include <algorithm>
#include <string_view>

namespace zws {

// Whether the bridge whose own sources begin with `own` has numbered that for itself alone: what it
// publishes for its fleet has numbers that all know (SourceTable::fleet).
inline bool is_numbered_here_alone(std::string_view source, std::string_view own) noexcept {
  constexpr std::string_view for_fleet = "-f";
  return source.substr(0, own.size()) == own &&
         source.substr(source.size() - std::min(source.size(), for_fleet.size())) != for_fleet;
}

}  // namespace zws
