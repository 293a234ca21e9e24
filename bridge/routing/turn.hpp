// Turn, the fan-out of one round: sorts its events and their receivers into groups that want exactly the same.
//
//   stream   the events of one topic within the turn
//   group    the subscribers that want the same set of streams; a chain of (group before, stream)
//
// Groups form a trie with one edge for each stream. Streams are taken one after another, and each
// subscriber of a stream moves from its group to that group's child for the stream. So in the end two
// subscribers are in one group exactly if they want the same streams.
//
// Thread: its lane only. All memory is kept from turn to turn. Bound: 2^32 groups.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "routing/subscriber.hpp"

namespace zws {

class Turn {
 public:
  // Starts over with these events, which are borrowed until the end of deliver().
  void begin(const std::vector<EventPtr>& events);

  // Puts event `index` into the stream of its topic. True if that stream is new: then join() each
  // subscriber before the next add().
  bool add(std::size_t index);

  // The subscriber wants the stream that add() has just made; a second time changes nothing.
  void join(Subscriber& who, std::uint32_t& group);

  // For a stream that nobody joined.
  bool stream_is_empty() const noexcept { return streams_.back().receivers == 0; }

  // Offers each group's events to its members. `group_of(subscriber)` is a reference to its group's
  // number, which is 0 again afterwards. `between` is called now and then on the way. Returns the deliveries offered (one
  // for each event and receiver).
  template <typename GroupOf, typename Between>
  std::size_t deliver(GroupOf&& group_of, Between&& between) {
    sort_members(group_of);
    std::size_t deliveries = 0;
    std::size_t offered = 0;
    for (std::uint32_t group = 1; group < groups_.size(); ++group) {
      const Group& members = groups_[group];
      if (members.size == 0) continue;
      const Bundle bundle = bundle_of(group);
      deliveries += bundle.messages() * members.size;
      for (std::uint32_t i = 0; i < members.size; ++i) {
        ordered_[members.first + i]->deliver(bundle);
        if (++offered % offers_between == 0) between();
      }
    }
    return deliveries;
  }

  // Events that had a receiver, for the latency histogram.
  template <typename Visit>
  void each_received_event(Visit&& visit) const {
    for (const Stream& stream : streams_) {
      if (stream.receivers == 0) continue;
      for (std::uint32_t i = stream.first; i != end; i = next_[i]) visit(*(*events_)[i]);
    }
  }

 private:
  static constexpr std::uint32_t end = ~std::uint32_t{0};
  static constexpr std::size_t offers_between = 64;  // a millisecond of writing, or less

  struct Stream {
    std::uint32_t first;  // of its events, linked by next_
    std::uint32_t last;
    std::uint32_t receivers;
  };
  struct Group {
    std::uint32_t before;
    std::uint32_t stream;
    std::uint32_t size;   // members left in it
    std::uint32_t first;  // of its members in ordered_
  };
  // Open addressing, emptied by counting up `round_`.
  struct Slot {
    std::uint64_t key;
    std::uint32_t value;
    std::uint32_t round;
  };

  Slot& slot(std::vector<Slot>& table, std::uint64_t key) noexcept;
  static void grow(std::vector<Slot>& table, std::size_t used);
  std::uint32_t child(std::uint32_t group);
  Bundle bundle_of(std::uint32_t group);
  void collect(std::uint32_t group);

  template <typename GroupOf>
  void sort_members(GroupOf&& group_of) {
    std::uint32_t at = 0;
    for (Group& group : groups_) {
      group.first = at;
      at += group.size;
      group.size = 0;
    }
    ordered_.resize(touched_.size());
    for (Subscriber* who : touched_) {
      std::uint32_t& note = group_of(*who);
      Group& group = groups_[note];
      ordered_[group.first + group.size++] = who;
      note = 0;
    }
  }

  const std::vector<EventPtr>* events_ = nullptr;
  std::vector<std::uint32_t> next_;  // event -> next event of its stream
  std::vector<Stream> streams_;
  std::vector<Group> groups_;  // [0] is "not touched in this turn"
  std::vector<Slot> stream_slots_;
  std::vector<Slot> group_slots_;
  std::uint32_t round_ = 0;
  std::uint32_t from_ = 0;  // the last step from a group to its child
  std::uint32_t to_ = 0;
  std::vector<Subscriber*> touched_;
  std::vector<Subscriber*> ordered_;
  std::vector<std::uint32_t> chosen_;
  std::vector<const EventPtr*> bundled_;
  std::string joined_;
};

}  // namespace zws
