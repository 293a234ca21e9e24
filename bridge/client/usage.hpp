// Usage: what a client asks of the bridge, and how much of it: its subscriptions, the request that is being
// answered, how fast it speaks and how many of its messages were wrong. The limits stand in
// LimitsConfig; Requests and, under it, Slices and Subscriptions keep count here.
//
// Thread: its lane only. Lifetime: owned by its session.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "client/frame_meter.hpp"
#include "client/pending.hpp"
#include "core/clock.hpp"

namespace zws {

struct LongRequest;

// The rate limiter: room for `burst` at once and `rate` a second.
class TokenBucket {
 public:
  // What costs more than there is leaves a debt, of a burst at most.
  bool take(SteadyTime now, double rate, double burst, double cost = 1) noexcept;
  void charge(double cost, double burst) noexcept;
  // Takes what has come already. Returns how long it is until there is room again; 0: there is.
  std::chrono::milliseconds overdraw(SteadyTime now, double rate, double burst,
                                     double cost) noexcept;

 private:
  void refill(SteadyTime now, double rate, double burst) noexcept;

  float filled_ = 0;  // < 0: a debt
  SteadyTime last_{};
};

struct Usage {
  // One subscription of that name more, and one less.
  void add(std::string_view name) noexcept;
  void drop(std::string_view name) noexcept;

  // Memory that it takes besides its queue, about: of a message that has not ended, waits, or is being
  // answered, and of its subscriptions.
  std::size_t held_bytes() const noexcept;

  std::unique_ptr<Pending> pending;           // while a token is checked or totals are asked for
  std::shared_ptr<LongRequest> long_request;  // while one is being answered
  TokenBucket bucket;
  TokenBucket id_looks;  // into long messages that come too fast
  FrameMeter meter;
  SteadyTime behind_until{};   // its requests wait for what it has heard elsewhere, but no longer
  SteadyTime limited_since{};  // too fast, without a pause, since then
  SteadyTime limited_last{};
  SteadyTime errors_since{};  // the minute in which `errors` are counted
  std::uint32_t errors = 0;
  std::uint32_t subscriptions = 0;       // by name
  std::uint32_t subscription_bytes = 0;  // of their names
  std::uint32_t reviews = 0;             // of what it may hear, so far
  using Replaced = std::map<std::string, std::uint64_t>;
  std::unique_ptr<Replaced> replaced;  // by subscription; null: nothing was
};

}  // namespace zws
