// Event: what one publish became: encoded once, then shared by every receiver.
//
// Thread: immutable after construction, so any thread may read it. Built by the exchange only (and by the
// queues that make `gap` markers of what they dropped).
// Lifetime: EventPtr, a reference count. An event is one block of memory, its text behind it: it is made
// and freed in one step. What is asked most lies in the cache line of the count, so that looking at an
// event that has gone cold costs about one miss.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.hpp"

namespace zws {

// What happens to an event for a client whose queue is at its bound.
enum class Overflow : std::uint8_t { drop_oldest, drop_newest, disconnect, conflate };

class EventPtr;

class Event {
 public:
  static constexpr std::size_t key_bytes_max = 255;
  static constexpr std::uint32_t no_topic_id = ~std::uint32_t{0};
  // What an event counts in a queue besides its text: 56 bytes for its place there (Backlog::Entry), and
  // 32 of the 72 that it has itself, which all who wait for it share.
  static constexpr std::size_t place_bytes = 56 + 32;
  // And where its route conflates: a node of the index of keys (48 bytes), and its bucket there.
  static constexpr std::size_t key_place_bytes = 48 + 16;

  enum class Kind : std::uint8_t {
    message,  // something a producer (or the REST API) published
    gap,      // a marker: `seq` to `last_seq` of `source` on `topic` are missing here
    source,   // a marker: `source` is lost, alive or silent on `topic` from here on
  };

  struct Fields {
    Kind kind = Kind::message;
    std::string_view topic;
    std::uint64_t topic_hash = 0;          // topic_hash(topic)
    std::uint32_t topic_id = no_topic_id;  // the exchange's number of the topic (by_topic_id.hpp)
    std::string_view source;               // SRC; 1-64 bytes
    std::uint64_t seq = 0;                 // >= 1
    std::uint64_t last_seq = 0;            // gap: the last missing one; message: equal to seq
    std::string_view key;  // conflation key, at most key_bytes_max; empty = the topic itself
    Overflow overflow = Overflow::drop_oldest;
    bool raw = false;           // format = "raw": the frame carries no @id
    bool restart = false;       // the source began again: its history on the topic ends here
    std::uint64_t arrival = 0;  // its place among all events of the process; later ones have more
    SteadyTime received{};      // when it came from ZeroMQ
  };

  // `frame` is the whole WebSocket frame (header included) in pieces that are joined.
  static EventPtr make(const Fields& fields, const std::vector<std::string_view>& frame);

  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  Kind kind() const noexcept { return kind_; }
  bool is_gap() const noexcept { return kind_ == Kind::gap; }
  // It tells of events or sources and is no event: no sum counts it.
  bool is_marker() const noexcept { return kind_ != Kind::message; }
  std::string_view topic() const noexcept { return slice(0, topic_size_); }
  std::string_view source() const noexcept { return slice(topic_size_, source_size_); }
  std::string_view key() const noexcept {
    return key_size_ == 0 ? topic() : slice(topic_size_ + source_size_, key_size_);
  }
  bool has_key() const noexcept { return key_size_ != 0; }
  // The bytes that go to the socket: one complete frame.
  std::string_view frame() const noexcept {
    return slice(topic_size_ + source_size_ + key_size_, frame_size_);
  }
  std::uint64_t topic_hash() const noexcept { return topic_hash_; }
  std::uint32_t topic_id() const noexcept { return topic_id_; }
  std::uint64_t seq() const noexcept { return seq_; }
  std::uint64_t last_seq() const noexcept { return last_seq_; }
  Overflow overflow() const noexcept { return overflow_; }
  bool raw() const noexcept { return raw_; }
  bool restart() const noexcept { return restart_; }
  std::uint64_t arrival() const noexcept { return arrival_; }
  SteadyTime received() const noexcept { return received_; }

  // What the event holds in memory, its own bookkeeping included.
  std::size_t memory_bytes() const noexcept { return sizeof(Event) + 16 + text_bytes(); }
  // What it counts in each queue it waits in (limits.queue_bytes, ingest.lane_bytes), so that the bounds
  // of queues are bounds of memory also for events of no payload.
  std::size_t queued_bytes() const noexcept {
    const bool indexed = overflow_ == Overflow::conflate && !is_marker();
    return place_bytes + (indexed ? key_place_bytes : 0) + text_bytes();
  }

 private:
  friend class EventPtr;

  explicit Event(const Fields& fields) noexcept;
  ~Event() = default;

  // The text stands behind the object: topic, source, key, frame.
  std::size_t text_bytes() const noexcept {
    return topic_size_ + source_size_ + key_size_ + frame_size_;
  }
  const char* text() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  std::string_view slice(std::size_t at, std::size_t size) const noexcept {
    return {text() + at, size};
  }
  void let_go() const noexcept;

  mutable std::atomic<std::uint32_t> holders_{0};
  std::uint8_t topic_size_;
  std::uint8_t source_size_;
  std::uint8_t key_size_;
  Kind kind_;
  Overflow overflow_;
  bool raw_;
  bool restart_;
  std::uint32_t topic_id_;
  std::size_t frame_size_ = 0;
  std::uint64_t topic_hash_;
  std::uint64_t seq_;
  std::uint64_t last_seq_;
  std::uint64_t arrival_;
  SteadyTime received_;
};

// Holds an event, or none. Thread: different EventPtr to one event on any threads.
class EventPtr {
 public:
  EventPtr() noexcept = default;
  EventPtr(std::nullptr_t) noexcept {}
  EventPtr(const EventPtr& other) noexcept : EventPtr(other.event_) {}
  EventPtr(EventPtr&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  EventPtr& operator=(EventPtr other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }
  ~EventPtr() {
    if (event_ != nullptr) event_->let_go();
  }

  const Event* get() const noexcept { return event_; }
  const Event& operator*() const noexcept { return *event_; }
  const Event* operator->() const noexcept { return event_; }
  explicit operator bool() const noexcept { return event_ != nullptr; }
  friend bool operator==(const EventPtr& a, const EventPtr& b) noexcept {
    return a.event_ == b.event_;
  }
  friend bool operator!=(const EventPtr& a, const EventPtr& b) noexcept { return !(a == b); }

 private:
  friend class Event;
  explicit EventPtr(const Event* event) noexcept : event_(event) {
    if (event_ != nullptr) event_->holders_.fetch_add(1, std::memory_order_relaxed);
  }

  const Event* event_ = nullptr;
};

}  // namespace zws
