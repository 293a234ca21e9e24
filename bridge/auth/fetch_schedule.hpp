// FetchSchedule: when keys are fetched: every so often, and at once for a token that none of them is for.
//
// Thread: guarded by its owner. Bound: tokens cause no more than one fetch in 30 s, whatever they name.
#pragma once

#include <cstdint>

#include "core/clock.hpp"

namespace zws {

// What a token may wait for whose key is not there.
enum class KeyFetch : std::uint8_t {
  none,  // nothing: it was looked for a moment ago
  runs,  // the end of a fetch that began before the token came: its answer may be older than the key
  begins  // the end of one that begins now, or as soon as the one that runs has ended
};

class FetchSchedule {
 public:
  bool is_due(SteadyTime now) const noexcept { return due_ <= now; }
  SteadyTime due() const noexcept { return due_; }

  // Of a reload. Another source has not been asked by any token yet.
  void fetch_now(SteadyTime now, bool another_source) noexcept;

  // A token comes whose key is not there. One that is too early has the keys fetched when 30 s have
  // passed, so that nobody who asks again and again keeps a new key out for longer.
  KeyFetch ask(SteadyTime now) noexcept;

  void begin() noexcept;
  void end(SteadyTime next) noexcept;

 private:
  SteadyTime due_{};
  SteadyTime next_ask_{};
  bool runs_ = false;
};

}  // namespace zws
