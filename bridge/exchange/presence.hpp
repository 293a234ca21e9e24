// Presence: over which connections a source was heard on a topic, and what was told of that last.
//
// A source is lost when the last of these connections has ended. Who was heard over none (REST) is never lost.
//
// Thread: one at a time (the exchange's mutex). Bound: 64 connections of one source on one topic; of more, those
// that it was heard over first are forgotten. Cost: of one that is heard over one connection, a comparison.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/sink.hpp"
#include "exchange/heap_bytes.hpp"

namespace zws {

enum class SourceState : std::uint8_t { unknown, alive, silent, lost };

// In the words of clients.
constexpr std::string_view state_name(SourceState state) noexcept {
  switch (state) {
    case SourceState::lost: return "lost";
    case SourceState::silent: return "silent";
    case SourceState::alive:
    case SourceState::unknown: break;
  }
  return "alive";
}

// Connections over which something came, and which have not ended.
using LiveConnections = std::unordered_set<std::uint64_t>;

class Presence {
 public:
  // True if it is one of those that are known. Else add() it.
  bool heard_over(std::uint64_t connection) noexcept {
    if (connection == last_) return true;
    if (!others_ || connection == Arrival::no_connection) return false;
    const auto other = std::find(others_->begin(), others_->end(), connection);
    if (other == others_->end()) return false;
    std::swap(*other, last_);
    return true;
  }

  // May throw std::bad_alloc, and nothing has changed then.
  void add(std::uint64_t connection, const LiveConnections& live) {
    const bool is_live = live.count(connection) != 0;
    // What comes by REST is heard of somebody who cannot be lost; it proves nothing of those who can.
    if (!is_live && last_ != Arrival::no_connection &&
        (connection != Arrival::no_connection || !lost(live)))
      return;
    if (is_live && live.count(last_) != 0) {
      if (others_) {
        let_go_of_ended(live);
        others_->push_back(last_);
      } else {
        others_ = std::make_unique<std::vector<std::uint64_t>>(1, last_);
      }
    } else if (others_) {
      let_go_of_ended(live);
    }
    last_ = connection;
  }

  bool lost(const LiveConnections& live) const noexcept {
    const auto is_live = [&](std::uint64_t each) { return live.count(each) != 0; };
    return last_ != Arrival::no_connection && !is_live(last_) &&
           !(others_ && std::any_of(others_->begin(), others_->end(), is_live));
  }

  std::size_t bytes() const noexcept {
    return others_ ? heap_bytes(sizeof *others_) + heap_bytes(others_->capacity() * sizeof last_)
                   : 0;
  }

  // What was told last, or is known to whoever is told without having been told.
  SourceState told() const noexcept { return told_; }
  void note_told(SourceState state, SteadyTime now) noexcept {
    told_ = state;
    told_ms_ = milliseconds(now);
    waits_ = true;
  }
  void note_known(SourceState state) noexcept {
    told_ = state;
    waits_ = false;
  }
  // When the next change may be told.
  SteadyTime next_word(SteadyTime now) const noexcept {
    const std::uint32_t ago = milliseconds(now) - told_ms_;
    return !waits_ || ago >= between.count() ? now : now + between - std::chrono::milliseconds(ago);
  }

 private:
  static constexpr std::chrono::milliseconds between{1'000};

  // Small, since a million sources have one: it begins anew after 49 days.
  static std::uint32_t milliseconds(SteadyTime time) noexcept {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
  }

  static constexpr std::size_t others_max = 63;

  void let_go_of_ended(const LiveConnections& live) {
    others_->erase(std::remove_if(others_->begin(), others_->end(),
                                  [&](std::uint64_t each) { return live.count(each) == 0; }),
                   others_->end());
    if (others_->size() >= others_max) others_->erase(others_->begin());
  }

  std::uint64_t last_ = Arrival::no_connection;         // heard over last
  std::unique_ptr<std::vector<std::uint64_t>> others_;  // null: none
  std::uint32_t told_ms_ = 0;
  SourceState told_ = SourceState::unknown;
  bool waits_ = false;  // the next change, until a second after the last one
};

}  // namespace zws
