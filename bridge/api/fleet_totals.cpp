#include "api/fleet_totals.hpp"

#include <nlohmann/json.hpp>

namespace zws {
namespace {

using Json = nlohmann::ordered_json;

void add(Json& sum, const Json& more) {
  if (!more.is_object()) return;
  for (auto& [name, value] : sum.items()) {
    const auto found = more.find(name);
    if (found == more.end()) continue;
    if (value.is_object()) add(value, *found);
    if (value.is_number_unsigned() && found->is_number_unsigned())
      value = value.get<std::uint64_t>() + found->get<std::uint64_t>();
  }
}

}  // namespace

std::string fleet_totals(const std::string& own, const std::vector<FleetAnswer>& others) {
  Json sum = Json::parse(own);
  for (const FleetAnswer& each : others) add(sum, Json::parse(each.totals, nullptr, false));
  sum["bridges"] = others.size() + 1;
  return sum.dump();
}

}  // namespace zws
