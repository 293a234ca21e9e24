// Topics, the table of topics: one record of each, found by its name.
//
// What is known of a topic hangs on its record: who holds it (here), its sources and their numbers
// (SourceTable), the events that are kept (Shelf). Each of these has its own bound and its own order in which
// it forgets; the record goes with the last of them.
//
// A topic is held, or pinned, by the lanes that have subscribers to it by name. One with neither subscribers
// nor history is forgotten. History and SourceTable come to the same answer, however late each of them looks,
// because it depends on two times alone: when the topic's history ran out, and since when it has been held.
//
// Thread: one at a time (the exchange's mutex).
// Memory: a record is the sources', where some are known; else the history's; else the subscriptions' that hold
// the topic, which the caller bounds.
// Cost: O(1), without a stall when the table grows.
#pragma once

#include <tsl/hopscotch_set.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/clock.hpp"
#include "exchange/heap_bytes.hpp"
#include "exchange/kept_topic.hpp"
#include "exchange/lane_set.hpp"
#include "exchange/shards.hpp"
#include "exchange/source_records.hpp"

namespace zws {

class Topic {
 public:
  static std::unique_ptr<Topic> make(std::string_view name, std::uint64_t hash);
  static void operator delete(void* block) noexcept { ::operator delete(block); }

  std::string_view name() const noexcept {
    return {reinterpret_cast<const char*>(this + 1), name_size_};
  }

  // Whether it is held and has been, without a break, since `then` or before.
  bool held_since(SteadyTime then) const noexcept { return holders != 0 && held_from <= then; }
  bool held() const noexcept { return holders != 0; }

  // With its place in the table.
  std::size_t bytes() const noexcept {
    return heap_bytes(sizeof(Topic) + name_size_) + place_bytes;
  }

  const std::uint64_t hash;               // topic_hash(name)
  std::unique_ptr<TopicSources> sources;  // null: none is known
  std::unique_ptr<KeptTopic> kept;        // null: nothing is
  LaneSet lanes = 0;                      // that hold it ...
  std::uint32_t holders = 0;              // ... so many
  SteadyTime held_from{};

 private:
  Topic(std::uint64_t its_hash, std::size_t name_size) noexcept
      : hash(its_hash), name_size_(static_cast<std::uint32_t>(name_size)) {}

  // A bucket is 16 bytes, and of a table that has just grown less than half are in use. A time with far more topics
  // leaves larger ones, until shrink().
  static constexpr std::size_t place_bytes = 32;

  const std::uint32_t name_size_;  // the name lies behind the record, in the same block
};

class Topics {
 public:
  Topics() = default;
  ~Topics();
  Topics(const Topics&) = delete;
  Topics& operator=(const Topics&) = delete;

  // Nothing if the topic is not known. `hash` is topic_hash(name).
  Topic* find(std::string_view name, std::uint64_t hash) const noexcept {
    // Producers often go round their topics. So the topic that followed this one last time is tried
    // first: where that is right it spares the bucket, which is a cache miss.
    if (expected_ != nullptr && expected_->hash == hash && expected_->name() == name)
      return expected_;
    const Table& table = tables_.of(hash);
    const auto found = table.find(name, static_cast<std::size_t>(hash));
    return found == table.end() ? nullptr : *found;
  }

  // Nobody, or a topic that is likely to be asked for next.
  void expect(Topic* topic) noexcept { expected_ = topic; }

  // Something is known of a topic from now on, of which that was not known before; and no more. A record of
  // which nothing is known is gone with the call.
  TopicSources& add_sources(std::string_view name, std::uint64_t hash);
  void drop_sources(Topic& topic) noexcept;
  KeptTopic& add_kept(std::string_view name, std::uint64_t hash);
  void drop_kept(Topic& topic) noexcept;

  // Subscribers of one more lane hold the topic, from `now` on.
  void pin(std::string_view name, std::uint64_t hash, SteadyTime now, std::size_t lane = 0);
  // Subscribers of that lane hold it no more.
  void unpin(std::string_view name, std::uint64_t hash, std::size_t lane = 0) noexcept;

  // Gives back memory of a time with far more topics; a bounded piece of it per call.
  void shrink();
  // The same all at once. Cost: O(topics).
  void shrink_all();

  // What the records take that are the sources', and the history's.
  std::size_t bytes_of_sources() const noexcept { return bytes_[with_sources]; }
  std::size_t bytes_of_history() const noexcept { return bytes_[kept_only]; }

  // What the SourceTable takes in all; written by the one, read by the history.
  void set_source_bytes(std::size_t bytes) noexcept { source_bytes_ = bytes; }
  std::size_t source_bytes() const noexcept { return source_bytes_; }

 private:
  struct ByHash {
    using is_transparent = void;
    std::size_t operator()(const Topic* topic) const noexcept { return topic->hash; }
    std::size_t operator()(std::string_view) const noexcept { return 0; }  // always given
  };
  struct SameName {
    using is_transparent = void;
    bool operator()(const Topic* a, const Topic* b) const noexcept { return a == b; }
    bool operator()(const Topic* a, std::string_view b) const noexcept { return a->name() == b; }
    bool operator()(std::string_view a, const Topic* b) const noexcept { return a == b->name(); }
  };
  // The hash is kept beside the pointer: a look-up touches the one topic it finds, growing none.
  using Table = tsl::hopscotch_set<Topic*, ByHash, SameName, std::allocator<Topic*>, 30, true>;

  // Whose a record is.
  enum Owner { with_sources, kept_only, held_only, owners };

  static Owner owner_of(const Topic& topic) noexcept;
  template <typename Part>
  Part& add(std::unique_ptr<Part> Topic::*part, std::string_view name, std::uint64_t hash);
  Topic& record(std::string_view name, std::uint64_t hash);
  void enter(const Topic& topic) noexcept;
  void leave(const Topic& topic) noexcept;
  void settle(Topic& topic) noexcept;

  Shards<Table> tables_;
  std::array<std::size_t, owners> bytes_{};  // of the records, by whose they are
  Topic* expected_ = nullptr;
  std::size_t source_bytes_ = 0;
};

}  // namespace zws
