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

// An event that one bridge of the fleet has numbered, and that all of them deliver.
struct FleetEvent {
  std::string topic;
  std::string source;
  std::uint64_t seq = 0;
  std::int64_t sent_ns = 0;
  std::string payload;
};

// What an administrator asked one bridge for, and every other one is to do as well.
struct FleetCall {
  enum class Kind : std::uint8_t {
    publish,       // `events`
    close_client,  // the one with the id `whom`
    close_user,    // those of the user `whom`
    totals
  };
  Kind kind = Kind::totals;
  std::vector<FleetEvent> events;
  std::string whom;
};

// What came of it on one bridge.
struct FleetAnswer {
  std::uint64_t reached = 0;  // connections
  std::string totals;         // of Kind::totals, a JSON object
};

class Fleet {
 public:
  virtual ~Fleet() = default;

  // Why this bridge is apart from the others; empty while it is not.
  virtual std::string trouble() const = 0;

  // Has every other bridge do it. `done` gets the answers of those that answered within a second, none
  // while this bridge is apart.
  virtual void call(FleetCall call, std::function<void(std::vector<FleetAnswer>)> done) = 0;

  // All that are known, by name, this one among them.
  virtual void members(std::function<void(std::vector<FleetMember>)> done) = 0;
};

}  // namespace zws
