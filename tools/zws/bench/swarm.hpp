// Swarm: all WebSocket clients of a bench, on one epoll loop.
//
// A client connects, upgrades, subscribes, and from then on only receives: frames are read where
// recv() put them and only a frame cut off at the end is copied. Pings are answered.
// Thread: one calls everything. Lifetime: borrows all that the constructor is given.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/frame.hpp"
#include "bench/load.hpp"
#include "bench/tally.hpp"
#include "bench/target.hpp"
#include "bench/topics.hpp"
#include "bench/window.hpp"
#include "failure.hpp"

namespace zws::tool {

// Clients whose figures are kept apart: those that are left in peace, and those that are stopped or
// come back.
enum class Group : std::uint8_t { steady, disturbed };

// Why the first client that failed did, and how `zws` should end for it.
struct FirstFailure {
  Exit exit = Exit::done;
  std::string reason;
};

struct SwarmCounts {
  std::uint32_t live = 0;          // subscribed
  std::uint32_t in_progress = 0;   // connecting, upgrading or subscribing
  std::uint32_t failed = 0;        // never became live
  std::uint64_t reads = 0;         // recv() calls that brought something to a live client
  std::uint64_t stray = 0;         // events of a topic the client does not follow
  std::uint64_t told_missing = 0;  // by `gap` messages
  std::uint64_t errors = 0;        // `error` messages
  std::uint32_t recovered = 0;     // subscribed with `since`, all there
  std::uint32_t not_recovered = 0;
  std::map<int, std::uint32_t> closed;  // live clients the server closed, by code; 1006: no frame
};

class Swarm {
 public:
  // origin_ns: CLOCK_MONOTONIC of the run's start, which stamps count from.
  Swarm(const Load& load, const Target& target, const BenchTopics& topics, Window& window,
        std::int64_t origin_ns);
  ~Swarm();
  Swarm(const Swarm&) = delete;
  Swarm& operator=(const Swarm&) = delete;

  // Begins a client's way to `live`; turn() carries it on. A client that was live before asks for
  // what it missed since then.
  void open(std::uint32_t client);
  // Hangs up without a word, as a train in a tunnel does.
  void drop(std::uint32_t client);
  void set_reading(std::uint32_t client, bool on);
  void set_group(std::uint32_t client, Group group) noexcept { clients_[client].group = group; }
  // Remembers the newest position of each client, for `since`. Costs a copy per event.
  void remember_positions() noexcept { positions_ = true; }

  // Waits at most timeout_ms for something to read and takes it.
  void turn(int timeout_ms);

  // Whether every live, reading follower has all that was sent; sent: events by topic.
  bool caught_up(const std::vector<std::uint32_t>& sent) const noexcept;
  // Counts what has not arrived of `sent` as missing.
  void end(const std::vector<std::uint32_t>& sent) noexcept;

  const SwarmCounts& counts() const noexcept { return counts_; }
  const FirstFailure& first_failure() const noexcept { return first_failure_; }
  Tally& tally(Group group) noexcept { return tallies_[static_cast<std::size_t>(group)]; }
  // From open() to `subscribed`, of every client.
  Histogram& join_time() noexcept { return join_time_; }

 private:
  enum class State : std::uint8_t { absent, connecting, upgrading, subscribing, live };

  struct Client {
    int fd = -1;
    State state = State::absent;
    Group group = Group::steady;
    bool reading = true;
    bool writing = false;        // waits for EPOLLOUT
    std::uint32_t topic = 0;     // the one it follows, if it follows one
    std::uint32_t awaiting = 0;  // subscriptions not answered yet
    std::int64_t opened_ns = 0;
    std::string rest;      // a frame cut off at the end of a read
    std::string out;       // not sent yet
    std::string position;  // JSON list for `since`; empty before the first `subscribed`
  };

  void watch(std::uint32_t id, int operation);
  void write(std::uint32_t id);
  void read(std::uint32_t id);
  bool upgraded(std::uint32_t id, const char*& at, const char* end);
  void subscribe(std::uint32_t id);
  void event(std::uint32_t id, Client& client, std::string_view body, std::int64_t now_ns) noexcept;
  bool other(std::uint32_t id, const Frame& frame);
  void message(std::uint32_t id, std::string_view body);
  void subscribed(std::uint32_t id, const std::string& text);
  void hang_up(Client& client);
  void fail(std::uint32_t id, Exit exit, const std::string& reason);
  void lost(std::uint32_t id, int code);
  std::int64_t now() const noexcept;

  const Load& load_;
  const Target& target_;
  const BenchTopics& topics_;
  Window& window_;
  const std::int64_t origin_ns_;
  const bool one_each_;
  bool positions_ = false;
  int epoll_ = -1;
  std::vector<char> buffer_;
  std::vector<epoll_event> ready_;
  std::vector<Client> clients_;
  std::vector<Follower> followers_;
  std::array<Tally, 2> tallies_;
  Histogram join_time_;
  SwarmCounts counts_;
  FirstFailure first_failure_;
};

// CLOCK_MONOTONIC in nanoseconds.
std::int64_t monotonic_ns() noexcept;

}  // namespace zws::tool
