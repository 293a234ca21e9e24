// CallGate: which calls of other bridges are carried out: those that are calls, once each, and only while
// they are fresh. So what is replayed, forged or held up somewhere does nothing.
//
// Ages are by the clock of Redis, which all bridges of a fleet are told, so that theirs may differ.
//
// Thread: one at a time. Bounds: 65,536 ids are remembered, for 10 s; who comes when they are full is refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "core/clock.hpp"
#include "relay/call_text.hpp"

namespace zws {

class CallGate {
 public:
  static constexpr std::chrono::milliseconds age_max{5000};
  static constexpr std::chrono::milliseconds ahead_max{1000};
  // Half of it, since both who calls and who is called may be off.
  static constexpr std::chrono::milliseconds answer_max{500};
  static constexpr std::size_t ids_max = 65'536;

  explicit CallGate(std::size_t payload_max) : payload_max_(payload_max) {}

  void set_payload_max(std::size_t bytes) noexcept { payload_max_ = bytes; }

  // What Redis' clock shows, as it answered at `now` who asked at `asked`. Before the first time nobody is let in.
  // False where the answer took so long that it may be far off: then it is taken only where none is known.
  bool set_time(std::chrono::milliseconds unix_time, SteadyTime asked, SteadyTime now) noexcept;
  // It may be another Redis from now on, with a clock of its own.
  void forget_time() noexcept { knows_time_ = false; }
  // What it shows now, as far as is known.
  std::chrono::milliseconds time(SteadyTime now) const noexcept;

  // Nothing for what is refused.
  std::optional<CallText> admit(std::string_view text, SteadyTime now);

 private:
  struct Seen {
    SteadyTime at;
    const std::string* id;  // in ids_
  };

  bool is_first(const std::string& id, SteadyTime now);

  std::size_t payload_max_;
  bool knows_time_ = false;
  std::chrono::milliseconds offset_{0};  // of Redis' clock to the steady one
  std::unordered_set<std::string> ids_;
  std::deque<Seen> seen_;  // the oldest first
};

}  // namespace zws
