// Held: what was sent, for bridges that ask for it again.
//
// One ring of bytes in the order of publishing, so that the oldest event of all goes first. Each
// event knows where its topic's event before lies, and those 32 and 1024 numbers back or less: no
// index is needed that grows with events or topics.
//
// Thread: one at a time; the publisher's lock sees to it.
// Bound:  `bytes`, of which 40 an event are ours. Memory is used from the first event on as it fills.
// Cost:   keep() copies the payload, and allocates nothing. find() looks at up to 130 of 65,000 events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace zws {

// Where one topic's events lie. Positions grow for ever; 0 is nowhere.
struct Trail {
  std::uint64_t newest = 0;
  std::uint64_t near = 0;  // of the newest whose number divides by 32
  std::uint64_t far = 0;   // ... by 1024
};

class Held {
 public:
  struct Event {
    std::int64_t ts;
    std::string_view key, payload;  // until the next keep()
  };

  explicit Held(std::size_t bytes);

  // An event larger than the ring is not held, nor is what its topic had before.
  void keep(Trail& trail, std::uint64_t seq, std::int64_t ts, std::string_view key,
            std::string_view payload) noexcept;

  // `newest` is the number that was kept last on this trail.
  std::optional<Event> find(const Trail& trail, std::uint64_t newest,
                            std::uint64_t seq) const noexcept;

  // The oldest number held; newest + 1 when there is none.
  std::uint64_t first(const Trail& trail, std::uint64_t newest) const noexcept;

 private:
  struct Head {
    Trail before;
    std::int64_t ts;
    std::uint32_t payload_size;
    std::uint32_t key_size;
  };

  bool lies(std::uint64_t position) const noexcept { return position + size_ >= end_; }
  char* at(std::uint64_t position) const noexcept { return ring_.get() + position % size_; }
  Head head(std::uint64_t position) const noexcept;

  const std::uint64_t size_;
  std::uint64_t end_;   // where the next event goes
  std::uint64_t rest_;  // from there to the end of the ring
  const std::unique_ptr<char[]> ring_;
};

}  // namespace zws
