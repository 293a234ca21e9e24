// Reach: how many connections a call reached, here and on the other bridges of the fleet: the sum of its parts,
// told when the last one is counted.
//
// Thread: any. Lifetime: shared by the parts that are not counted yet.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/fleet.hpp"
#include "core/json_text.hpp"

namespace zws {

class Reach {
 public:
  // `fleet`: whether there is one. `done` is called once, by the part that is counted last.
  Reach(bool fleet, std::function<void(const Reach&)> done)
      : fleet_(fleet), done_(std::move(done)) {}

  // One part more. The first is there from the beginning.
  void expect() noexcept { left_.fetch_add(1, std::memory_order_relaxed); }

  void add(std::uint64_t connections) noexcept {
    connections_.fetch_add(connections, std::memory_order_relaxed);
  }
  void end();
  // A part that the other bridges did.
  void end(const std::vector<FleetAnswer>& others);

  std::uint64_t connections() const noexcept {
    return connections_.load(std::memory_order_relaxed);
  }
  // "bridges":N, those that answered every part, this one among them; nothing without a fleet.
  void tell_bridges(JsonObject& answer) const;

 private:
  const bool fleet_;
  const std::function<void(const Reach&)> done_;
  std::atomic<std::size_t> left_{1};
  std::atomic<std::uint64_t> connections_{0};
  std::atomic<std::uint64_t> others_{UINT64_MAX};  // the fewest that answered a part
};

}  // namespace zws
