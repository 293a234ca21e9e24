// Fleet: the interface through which the api reaches the other bridges of the same fleet, which the relay
// implements.
//
// Thread: any. What is to be called later is called once, on a thread of the fleet's, which it must not hold up.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace zws {

// A bridge as it tells the others of itself.
struct FleetMember {
  std::string name;
  std::string version;
  std::string address;
  std::uint64_t clients = 0;
  std::string since;  // RFC 3339
  std::optional<std::uint64_t>
      lag_ms;         // between a question of it to the others' meeting place and the answer
  std::string state;  // starting, ready or draining
};

class Fleet {
 public:
  virtual ~Fleet() = default;

  // Why this bridge is apart from the others; empty while it is not.
  virtual std::string trouble() const = 0;

  // All that are known, by name, this one among them.
  virtual void members(std::function<void(std::vector<FleetMember>)> done) = 0;
};

}  // namespace zws
