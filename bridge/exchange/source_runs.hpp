// SourceRuns: what a topic knows of each source that writes to it, and from where on each can be
// resumed.
//
// Thread: one at a time (the exchange's mutex).
// Bound: the caller's `sources_max`; the source heard from longest ago goes.
// Cost: a short scan over the topic's sources, most often of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/position.hpp"

namespace zws {

struct SourceRun {
  std::string source;
  std::uint64_t newest = 0;  // position of what was heard last
  std::uint64_t first = 0;   // first..newest is complete; newest + 1: nothing to resume from
  std::uint64_t proof = 0;   // a `since` from here on is later than the last forgotten source
  std::uint64_t heard = 0;   // arrival number of what was heard last
  std::uint64_t began = 0;   // what arrived before is of a time that was forgotten
};

class SourceRuns {
 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::size_t size() const noexcept { return runs_.size(); }
  const SourceRun& operator[](std::size_t index) const noexcept { return runs_[index]; }
  SourceRun& operator[](std::size_t index) noexcept { return runs_[index]; }

  // The place of a source, or none.
  std::size_t find(std::string_view source) const noexcept;

  // Makes room for a source that is not known, or no longer, and is heard as `arrival`. Returns its place.
  std::size_t add(std::string_view source, std::uint64_t arrival, std::size_t sources_max);

  // Forgets those heard from longest ago until there are at most `sources_max`.
  void limit(std::size_t sources_max) noexcept;

  // Something was forgotten here, be it a source or all that had been known of the topic: from now on
  // it takes a proof that one was there later.
  void forgot_some() noexcept;

  // The same of a time before all that is known: the caller says of each source what is proof.
  void forgot_earlier() noexcept { ++forgot_; }

  // How often that was.
  std::uint32_t forgot() const noexcept { return forgot_; }

  // The place of the source whose event arrived as `arrival`; none also where all that was known of the
  // source then has been forgotten since.
  std::size_t find(std::string_view source, std::uint64_t arrival) const noexcept;

  // The event `seq` of `source`, which arrived as `arrival`, is no longer retained.
  void lost(std::string_view source, std::uint64_t seq, std::uint64_t arrival) noexcept;

  // Nothing before this moment can be resumed.
  void break_all() noexcept;

  void clear() noexcept;

  std::vector<Position> positions() const;

  // The arrival number of what was heard last; 0 if nothing is known.
  std::uint64_t heard() const noexcept;

  // Whether one who stands at `since` can have all it missed; `from` is then its position in each
  // run (0 where it knows none). `proven`: it was there after whatever was forgotten. A source that
  // is not known, at 0, stands for nothing: it is a mark (exchange/marks.hpp) or another bridge's.
  bool resume(const std::vector<Position>& since, bool proven,
              std::vector<std::uint64_t>& from) const;

  std::size_t bytes() const noexcept { return bytes_; }

 private:
  void forget_oldest() noexcept;
  void weigh() noexcept;

  std::vector<SourceRun> runs_;
  std::size_t bytes_ = 0;
  mutable std::uint32_t recent_ = 0;  // the next question is most often about the same source
  std::uint32_t forgot_ = 0;
};

}  // namespace zws
