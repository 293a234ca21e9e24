// Tally: what a group of clients received, and whether it is what was sent.
//
// Every event's number is checked against what its subscription has seen: the next one, one that
// left others out, one seen before, or one that comes late. All are counted, none sampled.
// Thread: one. Cost of event(): two compares and an increment or two.
#pragma once

#include <cstdint>

#include "bench/histogram.hpp"

namespace zws::tool {

// What one subscription of one client has seen of its topic.
struct Follower {
  std::uint32_t next = 0;       // the number expected next
  std::uint32_t replaying = 0;  // events announced as replay that are still to come
  std::uint64_t seen = 0;       // bit i: number next-1-i has arrived
};

struct Tally {
  std::uint64_t delivered = 0;  // all events, doubled ones too
  std::uint64_t bytes = 0;      // of their frames' bodies
  std::uint64_t replayed = 0;   // of delivered: announced as replay, not counted in `latency`
  std::uint64_t missing = 0;
  std::uint64_t doubled = 0;       // or more than 64 events late
  std::uint64_t out_of_order = 0;  // came after a later one; no longer missing
  Histogram latency;               // due -> received

  void event(Follower& follower, std::uint32_t number, std::int64_t age_ns,
             std::size_t size) noexcept {
    ++delivered;
    bytes += size;
    if (number == follower.next) {
      ++follower.next;
      follower.seen = follower.seen << 1 | 1;
    } else {
      unexpected(follower, number);
    }
    if (follower.replaying != 0) {
      --follower.replaying;
      ++replayed;
    } else {
      latency.record(age_ns);
    }
  }

  // No more comes: what was sent up to `end` and has not arrived is missing.
  void end(Follower& follower, std::uint32_t end) noexcept {
    if (end > follower.next) skip_to(follower, end);
  }

 private:
  static constexpr std::uint32_t remembered = 64;

  void unexpected(Follower& follower, std::uint32_t number) noexcept {
    if (number > follower.next) {
      skip_to(follower, number);
      ++follower.next;
      follower.seen = follower.seen << 1 | 1;
      return;
    }
    const std::uint32_t back = follower.next - 1 - number;
    const std::uint64_t bit = back < remembered ? std::uint64_t{1} << back : 0;
    if (bit != 0 && (follower.seen & bit) == 0) {
      follower.seen |= bit;
      ++out_of_order;
      --missing;
    } else {
      ++doubled;
    }
  }

  void skip_to(Follower& follower, std::uint32_t number) noexcept {
    const std::uint32_t skipped = number - follower.next;
    missing += skipped;
    follower.seen = skipped < remembered ? follower.seen << skipped : 0;
    follower.next = number;
  }
};

}  // namespace zws::tool
