// Asker: one bridge that may ask for events again: a DEALER to its ROUTER (docs/PUBLISHING.md).
//
// Thread: one.
// Bound:  64 wants and 64 messages that wait for the bridge; what is more is not asked for, and not
//         sent, yet.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sent.hpp"
#include "zws/publisher.hpp"

namespace zws {

class Asker {
 public:
  using Clock = std::chrono::steady_clock;

  // `number`: which bridge it is, for Counters. Throws PublisherError.
  Asker(void* context, const std::string& endpoint, const PublisherOptions& options, Sent& sent,
        std::size_t number);
  ~Asker();

  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  void* socket() const noexcept { return socket_; }

  // Reads what the bridge sent, and comes back to one that is away for long.
  void read();

  // Sends some of what the bridge is to be sent: about 64 KiB, and how far topics are when it is
  // time for that.
  void write();

  // Whether write() has something to send, as soon as there is room.
  bool has_more() const noexcept { return !wants_.empty() || (next_of_all_ && !too_early_); }

  // When it is time to tell how far topics are. A bridge that has not said hello is told nothing.
  Clock::time_point tell_at() const noexcept { return tell_at_; }
  void tell_now() noexcept;

  // Until when the bridge is taken to have something to ask for still.
  Clock::time_point busy_until() const noexcept { return busy_until_; }

 private:
  struct Want {
    std::string source, topic;
    std::uint64_t from, to;
    std::uint64_t next;  // to be sent
  };

  void hear(const std::vector<std::string>& frames);
  std::optional<std::size_t> answer(Want& want);
  bool find(Want& want);
  void tell_all();
  void tell_changed();
  bool is_too_early();
  bool has_room() const noexcept;

  template <typename Frames>
  bool send(const Frames& frames) noexcept;

  const std::string endpoint_;
  Sent& sent_;
  const std::size_t number_;
  void* const socket_;
  bool greeted_ = false;
  std::optional<std::size_t> next_of_all_;  // counters, from which on it has not been told of them
  std::size_t end_of_all_ = 0;
  bool too_early_ = false;  // to tell it of them
  std::deque<Want> wants_;
  Clock::time_point tell_at_;
  Clock::time_point busy_until_;
  Clock::time_point reached_;  // when there was room last
  std::string payload_,
      header_;  // of the event to be sent; kept, so that their memory is used again
};

// The next message ["have", SRC, TOPIC, FIRST, NEWEST, ...], of at most 250 counters as `next()`
// gives them until it gives null. Empty when it gives none.
template <typename Next>
std::vector<std::string> have(Sent& sent, Next next) {
  constexpr int topics_max = 250;
  std::vector<std::string> frames;
  for (int topics = 0; topics < topics_max; ++topics) {
    // For one at a time, so that no publish waits for all.
    const std::lock_guard<std::mutex> lock(sent.mutex);
    const Counter* const counter = next();
    if (!counter) break;
    // Where all are counted anew meanwhile, nothing of before can be had.
    if (frames.empty() || frames[1] != sent.counters.source())
      frames = {"have", sent.counters.source()};
    frames.push_back(counter->topic);
    frames.push_back(std::to_string(sent.held.first(counter->trail, counter->seq)));
    frames.push_back(std::to_string(counter->seq));
  }
  return frames;
}

}  // namespace zws
