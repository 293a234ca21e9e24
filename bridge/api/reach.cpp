#include "api/reach.hpp"

namespace zws {

void Reach::end() {
  if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_(*this);
}

void Reach::end(const std::vector<FleetAnswer>& others) {
  for (const FleetAnswer& each : others) add(each.reached);
  std::uint64_t fewest = others_.load(std::memory_order_relaxed);
  while (others.size() < fewest && !others_.compare_exchange_weak(fewest, others.size())) {
  }
  end();
}

void Reach::tell_bridges(JsonObject& answer) const {
  if (!fleet_) return;
  const std::uint64_t others = others_.load(std::memory_order_relaxed);
  answer.number("bridges", others == UINT64_MAX ? 1 : others + 1);
}

}  // namespace zws
