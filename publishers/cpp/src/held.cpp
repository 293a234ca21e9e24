#include "held.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "zws/publisher.hpp"

namespace zws {
namespace {

constexpr std::uint64_t align = alignof(std::uint64_t);
constexpr std::uint64_t near_step = 32;
constexpr std::uint64_t far_step = 1024;

// The number that the mark of an event leads to; 0 when to none.
constexpr std::uint64_t marked_before(std::uint64_t seq, std::uint64_t step) noexcept {
  return (seq - 1) / step * step;
}

char* new_ring(std::size_t bytes) {
  char* ring = new (std::nothrow) char[bytes];
  if (!ring) throw PublisherError("repair_bytes is more memory than there is");
  return ring;
}

}  // namespace

// Positions begin so far on that 0 lies outside from the beginning.
Held::Held(std::size_t bytes)
    : size_(std::max<std::uint64_t>(bytes / align * align, align)),
      end_(2 * size_),
      rest_(size_),
      ring_(new_ring(size_)) {}

void Held::keep(Trail& trail, std::uint64_t seq, std::int64_t ts, std::string_view key,
                std::string_view payload) noexcept {
  const std::uint64_t size =
      (sizeof(Head) + key.size() + payload.size() + align - 1) / align * align;
  if (size > size_ || payload.size() > std::numeric_limits<std::uint32_t>::max()) {
    trail = {};
    return;
  }
  if (size > rest_) {  // not to be parted: it begins at the ring's beginning
    end_ += rest_;
    rest_ = size_;
  }
  const std::uint64_t position = end_;
  char* to = ring_.get() + (size_ - rest_);
  end_ += size;
  rest_ -= size;

  const Head head{trail, ts, static_cast<std::uint32_t>(payload.size()),
                  static_cast<std::uint32_t>(key.size())};
  std::memcpy(to, &head, sizeof head);
  std::copy(payload.begin(), payload.end(), std::copy(key.begin(), key.end(), to + sizeof head));
  trail.newest = position;
  if (seq % near_step == 0) trail.near = position;
  if (seq % far_step == 0) trail.far = position;
}

std::optional<Held::Event> Held::find(const Trail& trail, std::uint64_t newest,
                                      std::uint64_t seq) const noexcept {
  if (seq > newest) return std::nullopt;
  std::uint64_t position = trail.newest;
  for (std::uint64_t reached = newest; lies(position) && reached > seq;) {
    const Trail before = head(position).before;
    if (marked_before(reached, far_step) >= seq) {
      reached = marked_before(reached, far_step);
      position = before.far;
    } else if (marked_before(reached, near_step) >= seq) {
      reached = marked_before(reached, near_step);
      position = before.near;
    } else {
      --reached;
      position = before.newest;
    }
  }
  if (!lies(position)) return std::nullopt;
  const Head found = head(position);
  const char* key = at(position) + sizeof(Head);
  return Event{found.ts, {key, found.key_size}, {key + found.key_size, found.payload_size}};
}

std::uint64_t Held::first(const Trail& trail, std::uint64_t newest) const noexcept {
  if (!lies(trail.newest)) return newest + 1;
  std::uint64_t reached = newest;
  Trail before = head(trail.newest).before;
  while (lies(before.far)) {
    reached = marked_before(reached, far_step);
    before = head(before.far).before;
  }
  while (lies(before.near)) {
    reached = marked_before(reached, near_step);
    before = head(before.near).before;
  }
  while (lies(before.newest)) {
    --reached;
    before = head(before.newest).before;
  }
  return reached;
}

Held::Head Held::head(std::uint64_t position) const noexcept {
  Head head;
  std::memcpy(&head, at(position), sizeof head);
  return head;
}

}  // namespace zws
