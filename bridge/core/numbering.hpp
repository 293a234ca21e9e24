// Numbering: how the numbers of one source on one topic go on, and what each that comes means.
//
// A source that begins again is recognised by seq 1 that was sent later than its newest event; or,
// where that first event was lost, by three events in a row whose seq and time rise, sent later than
// it (example: the newest is seq 90 of 12:00:00; seq 2, 3 and 4 of 12:00:01, :02 and :03 follow). The
// events before the third count as duplicates.
//
// Thread: a value.
#pragma once

#include <algorithm>
#include <cstdint>

namespace zws {

class Numbering {
 public:
  enum class Step : std::uint8_t {
    next,       // the one behind the newest
    jump,       // further above it: what is between is missing
    duplicate,  // not above it, and moves nothing
    restart,    // not above it, and the source begins again with it
  };

  std::uint64_t newest() const noexcept { return newest_; }

  // Judges an event and moves on. `sent_ns`: 0 where it is not known.
  Step take(std::uint64_t seq, std::int64_t sent_ns) noexcept {
    Step step = seq == newest_ + 1 ? Step::next : Step::jump;
    if (seq <= newest_) {
      if (!began_again(seq, sent_ns)) return Step::duplicate;
      step = Step::restart;
    }
    newest_ = seq;
    newest_ns_ = std::max(newest_ns_, sent_ns);  // an event may have no ts
    again_ = 0;
    return step;
  }

  // Whether an event that is not above the newest may be of a new beginning.
  bool is_later(std::int64_t sent_ns) const noexcept {
    return newest_ns_ != 0 && sent_ns > newest_ns_;
  }

  // What comes is counted from here; nothing has come yet.
  void begin_behind(std::uint64_t seq) noexcept { newest_ = seq; }

 private:
  static constexpr std::uint32_t events_of_a_restart = 3;

  bool began_again(std::uint64_t seq, std::int64_t sent_ns) noexcept {
    if (!is_later(sent_ns)) {
      again_ = 0;
      return false;
    }
    if (seq == 1) return true;
    const bool rises = seq > again_seq_ && sent_ns > again_ns_;
    again_ = again_ > 0 && rises ? again_ + 1 : 1;
    again_seq_ = seq;
    again_ns_ = sent_ns;
    return again_ >= events_of_a_restart;
  }

  std::uint64_t newest_ = 0;
  std::int64_t newest_ns_ = 0;
  // The last of `again_` events in a row that look like a new beginning.
  std::uint64_t again_seq_ = 0;
  std::int64_t again_ns_ = 0;
  std::uint32_t again_ = 0;
};

}  // namespace zws
