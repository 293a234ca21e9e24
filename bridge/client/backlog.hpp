// Backlog, the send queue of a slow client: what waits for it, and what is dropped or replaced when that is
// too much (overflow, conflation).
//
// Everything waits in one order. Events of one topic and source form a run, so that what is dropped
// leaves one marker ("gap") at its place and neighbouring markers of a run merge. A run is forgotten with
// the last that waits of it. Topics are kept in a heap by the bytes that may be dropped, each with its
// victims in order, so finding the victim costs O(log topics), whatever the number of sources.
//
// Thread: its lane only. Exists only while its client lags.
// Bounds: `queue_bytes` (or one event, of any size), and as much again of markers; past that whoever reads
// from it must go, because it could no longer be told what it missed.
// What waits is counted as Event::queued_bytes() says: a fixed sum for each entry, so that the bound is one of
// memory, and the text of its event whole though others may hold it, too. Topics and sources of which
// something waits have no sum of their own (some 300 bytes for one that is alone in its topic).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/event.hpp"
#include "core/keyed_hash.hpp"

namespace zws {

class Backlog {
 public:
  enum class Pushed : std::uint8_t {
    queued,    // waits; others may have gone for it
    replaced,  // waits in place of an older event of the same key
    dropped,   // this one goes, and a marker tells
    closing,   // the route wants the client disconnected, or markers alone are too much
    untold,    // with drop_arriving: this one goes, and no marker tells, since they are too much
  };

  // What a `disconnect` route's event means at the bound.
  enum class Full : std::uint8_t { disconnect, drop_arriving };

  explicit Backlog(std::size_t queue_bytes) : limit_(queue_bytes) {}
  // What is too much then goes with the next push().
  void set_limit(std::size_t queue_bytes) noexcept { limit_ = queue_bytes; }

  // `others` are bytes that count as waiting but lie elsewhere (the frame being written).
  // `victims` is raised by the number of waiting events that went for this one.
  Pushed push(const EventPtr& event, std::size_t others, std::size_t& victims,
              Full full = Full::disconnect);

  // The topic of the event that went last. Good until the next push() or pop().
  std::string_view dropped_topic() const noexcept { return topics_[dropped_topic_].name; }

  // An event that goes in its place in the order, whatever waits: never dropped nor replaced.
  void push_kept(const EventPtr& event);

  // A place in the order, which pop() comes to: no marker names both what came before and what comes
  // later, since somebody joins there who hears of the one and not of the other.
  void push_place(const EventPtr& place);

  // An answer or control frame: never dropped. A waiting pong is replaced by the next.
  void push_own(std::string frame, bool pong);

  bool empty() const noexcept { return head_ == none; }
  // What waits, markers included, with what it takes to hold it.
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t events() const noexcept { return events_; }
  // Sources, each counted once a topic, of which something waits.
  std::size_t sources() const noexcept { return run_index_.size(); }

  // The frames to write next, in order: at most `max`; markers are put into words here.
  // The events stay alive until they are popped.
  std::size_t peek(std::string_view* frames, std::size_t max);

  // The first one, as long as it is no marker that still grows; nothing then, or if there is none.
  const Event* front() const noexcept {
    return head_ == none ? nullptr : entries_[head_].event.get();
  }

  // Takes the first one off.
  EventPtr pop();

  // Takes off all that is not our own, gaps too, also those that are in words already. How many events
  // that were.
  std::size_t drop_events();

  // The events replaced on each topic since the last call.
  using Replaced = std::map<std::string, std::uint64_t>;
  Replaced take_replaced();
  // How many topics that no longer wait take_replaced() would name; they are all that grows.
  std::size_t replaced_topics() const noexcept { return replaced_.size(); }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  enum class Kind : std::uint8_t { event, marker, own };

  struct Missing {
    std::uint64_t from;
    std::uint64_t to;
  };
  struct Entry {
    EventPtr event;                    // event, own, or a marker in words
    std::unique_ptr<Missing> missing;  // a marker that still grows
    std::uint32_t bytes = 0;
    std::uint32_t next = none;  // in the one order
    std::uint32_t previous = none;
    std::uint32_t run_next = none;  // in its run
    std::uint32_t run_previous = none;
    std::uint32_t run = none;
    std::uint32_t victim_next = none;  // among its topic's victims
    std::uint32_t victim_previous = none;
    std::uint32_t stretch = 0;  // between two places; markers do not reach over them
    Kind kind = Kind::own;
    bool counted = false;  // one of `events_`
    bool victim = false;   // may be dropped for another
    bool marker = false;   // tells what is missing; one of `marker_bytes_`
  };
  struct Run {
    std::string source;
    std::uint32_t topic = none;
    std::uint32_t first = none;
    std::uint32_t last = none;
    std::size_t entries = 0;
  };
  // A source or a key of a topic; its text is borrowed from the Run, or from the event that waits.
  struct OfTopic {
    std::uint32_t topic;
    std::string_view name;

    friend bool operator==(const OfTopic& a, const OfTopic& b) noexcept {
      return a.topic == b.topic && a.name == b.name;
    }
  };
  struct OfTopicHash {
    std::size_t operator()(const OfTopic& key) const {
      return keyed_hash(key.name) + key.topic * std::size_t{0x9E3779B9};
    }
  };
  struct Topic {
    std::string name;
    std::uint32_t json_bytes = 0;  // of the name as a JSON string
    std::size_t victim_bytes = 0;
    std::size_t heap_place = 0;
    std::uint32_t first_victim = none;  // the oldest
    std::uint32_t last_victim = none;
    std::size_t runs = 0;
    std::uint64_t replaced = 0;
  };

  std::uint32_t topic_of(const Event& event);
  std::uint32_t run_of(std::uint32_t topic, std::string_view source);
  std::uint32_t append(EventPtr event, Kind kind, std::uint32_t run, std::uint32_t bytes);
  void unlink(std::uint32_t index);
  void remove(std::uint32_t index);
  Pushed push_into(std::uint32_t run, const EventPtr& event, std::size_t others,
                   std::size_t& victims, Full full);
  void let_go(std::uint32_t run);
  void release_topic(std::uint32_t topic);
  void add_victim(std::uint32_t index);
  void remove_victim(std::uint32_t index);
  bool drop_victim();
  void mark_missing(std::uint32_t run, const Event& event);
  bool extend(std::uint32_t index, const Event& event, std::uint32_t stretch);
  void turn_into_marker(std::uint32_t index);
  void put_into_words(Entry& entry);
  void resize(Entry& entry, std::uint32_t bytes);
  std::uint32_t marker_bytes(const Run& run, const Missing& missing) const;
  void forget_key(const Entry& entry, std::uint32_t index);

  void change_victim_bytes(std::uint32_t topic, std::ptrdiff_t by);
  void sift(std::size_t place);
  void place(std::size_t heap_place, std::uint32_t topic);
  void heap_remove(std::uint32_t topic);

  bool too_many_markers() const noexcept { return marker_bytes_ > limit_; }

  std::size_t limit_;
  std::size_t bytes_ = 0;
  std::size_t marker_bytes_ = 0;
  std::size_t events_ = 0;
  std::uint32_t stretch_ = 0;  // of what comes now
  std::uint32_t head_ = none;
  std::uint32_t tail_ = none;
  std::uint32_t pong_ = none;
  std::uint32_t dropped_topic_ = none;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_entries_;
  std::deque<Run> runs_;  // a Run stays where it is
  std::vector<std::uint32_t> free_runs_;
  std::vector<Topic> topics_;
  std::vector<std::uint32_t> free_topics_;
  std::vector<std::uint32_t> heap_;  // topics, most droppable bytes first
  std::unordered_map<std::string, std::uint32_t, KeyedHash> topic_index_;
  std::unordered_map<OfTopic, std::uint32_t, OfTopicHash> run_index_;
  std::unordered_map<OfTopic, std::uint32_t, OfTopicHash> keys_;  // conflation: key -> entry
  Replaced replaced_;
};

}  // namespace zws
