// History: the newest events of each topic, retained for clients that missed them (replay, recovery).
//
// Thread: one at a time (the exchange's mutex). Lifetime: keeps EventPtr, so payload bytes are shared
// with what is in flight.
// Bounds: history.size events (or the route's) no older than history.ttl (or the route's) per topic;
// on a conflate route the newest event of each key; history.bytes in all, bookkeeping included (the
// oldest event of all topics goes first); limits.topics topics and limits.sources_per_topic sources,
// those heard from longest ago are forgotten first. A topic with neither events nor pins is
// forgotten.
// Time: an event's age counts from Event::received() by the steady clock. There is no timer: expiry
// happens as events pass, before each answer and in sweep(), so no answer holds anything too old.
// Cost: record() is amortised O(1), <= 100 ns, without allocation for a known topic whose ring is
// full; it keeps an EventPtr and an arrival number an event. A new topic costs O(log topics).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "core/clock.hpp"
#include "core/event.hpp"
#include "core/pattern.hpp"
#include "core/position.hpp"
#include "exchange/marks.hpp"

namespace zws {

class Shelf;
class Topics;
struct Past;
class Topic;

struct Recovery {
  bool recovered = false;
  std::vector<EventPtr> events;  // in order of arrival; none unless recovered
};

struct TopicPosition {
  std::string topic;
  std::vector<Position> positions;
};

// Some of the topics that a client names, in a row.
struct NamedTopics {
  const TopicPosition* first = nullptr;
  const TopicPosition* last = nullptr;  // behind the last of them

  const TopicPosition* begin() const noexcept { return first; }
  const TopicPosition* end() const noexcept { return last; }
};

struct Fetched {
  std::vector<EventPtr> events;
  bool complete = false;  // all of from..to are here
};

// A piece of a topic's history, in order of arrival.
struct HistoryPage {
  std::vector<EventPtr> events;
  std::vector<std::uint64_t> places;  // of each of them
  std::uint64_t begin = 0;  // the place of the first of them, by which to ask for what came before
  bool more = false;        // something came before
};

// How much of a topic is kept.
struct Kept {
  std::size_t events = 0;
  std::size_t bytes = 0;  // of them, with what holds them
  SteadyTime oldest{};    // when they came; of none if there are none
  SteadyTime newest{};
};

class History {
 public:
  // `topics` outlives it.
  History(ConfigPtr config, Topics& topics, const Clock& clock = Clock::real());
  ~History();

  // Remembers an event (Kind::gap breaks the run of its source). Events of one source on one topic
  // come with rising seq; one that steps back begins its source anew, as Event::restart() does.
  void record(const EventPtr& event);
  // The same where the record of its topic is at hand.
  void record(const EventPtr& event, Topic& topic);

  // Takes in what an archive kept of a topic, in front of what is here and only where it joins without a
  // hole; so the answers below prove more and never what is not so. `heard`: of each of its sources, up to
  // which number the exchange has heard it itself, 0 for none; later ones come live and are not taken from there. What is taken
  // counts as older than all that came, and goes first where there is no room. False: nothing was of use.
  bool fill(const Past& past, const std::vector<std::uint64_t>& heard);

  // The bridge's own sources: their names begin so. No archive keeps what they sent.
  void set_own_source(std::string_view name);

  // There are others who heard what was before this moment. So who asks for a pattern has to show that it was there later.
  void heard_elsewhere() noexcept;

  // Whether one who stands at `since` could have all it missed, if it fits.
  bool proves(std::string_view topic, const std::vector<Position>& since);
  // The newest number of a source on a topic; 0 if it is not known.
  std::uint64_t newest(std::string_view topic, std::string_view source);
  // Whether one who stands at `since` has heard what is not known here: of another bridge that was quicker,
  // or in another life of this one.
  bool is_behind(std::string_view topic, const std::vector<Position>& since);
  // Whether a fetch from `from` on would be complete, if it fits.
  bool holds(std::string_view topic, std::string_view source, std::uint64_t from);

  // What `at` holds where nothing is known.
  const Marks& marks() const noexcept { return marks_; }

  // Where live events begin: the newest position of each source known on the topic; where none is, a
  // mark of this moment (exchange/marks.hpp). Never empty.
  std::vector<Position> positions(std::string_view topic);

  // What a client that stands at `since` on `topic` missed. Whole or not recovered: every source in
  // `since` is known with all of seq+1 .. newest retained, every known source it omits is retained
  // from seq 1, and all of it fits. Where a source was forgotten (limits.sources_per_topic), `since`
  // must also show that the client was there later: it may have missed what left no trace.
  // On a conflate route no key was evicted since, and the newest of each key is sent.
  // A raw event has no position for its receiver, so no one comes back to before one.
  Recovery recover(std::string_view topic, const std::vector<Position>& since,
                   std::size_t events_max, std::size_t bytes_max);

  // The same for a pattern: `since` holds the topics the client knows (those that the
  // pattern does not match are passed over); a topic that matches and is not named must be retained from
  // seq 1 of each of its sources. Merged in order of arrival.
  // Cost: O(topics in `since` + events_max) where the pattern's '*' stands at its end; otherwise
  // every topic that begins like the pattern is compared with it. Each topic looked at that `since` does
  // not name takes one of `looks_left`; where they do not suffice, it is not recovered.
  Recovery recover(const Pattern& pattern, NamedTopics since, std::size_t events_max,
                   std::size_t bytes_max, std::size_t& looks_left);

  // The newest `count` events of the topic, or of each topic that the pattern matches (the last state
  // of every progress bar), in order of arrival. Never more than limits.replay_events in all nor
  // `bytes_max` of what events count in a queue: what arrived last is in, what came before the first that does not fit is
  // out. Each topic looked at takes one of `looks_left`; where they do not suffice, there is nothing.
  std::vector<EventPtr> newest(const Pattern& pattern, std::size_t count, std::size_t bytes_max,
                               std::size_t& looks_left);

  // The same three, whatever it takes.
  Recovery recover(const Pattern& pattern, const std::vector<TopicPosition>& since,
                   std::size_t events_max, std::size_t bytes_max) {
    auto looks_left = static_cast<std::size_t>(-1);
    return recover(pattern, {since.data(), since.data() + since.size()}, events_max, bytes_max,
                   looks_left);
  }
  Fetched fetch(std::string_view topic, std::string_view source, std::uint64_t from,
                std::uint64_t to, std::size_t events_max, std::size_t bytes_max) {
    auto looks_left = static_cast<std::size_t>(-1);
    return fetch(topic, source, from, to, events_max, bytes_max, looks_left);
  }
  std::vector<EventPtr> newest(const Pattern& pattern, std::size_t count, std::size_t bytes_max) {
    auto looks_left = static_cast<std::size_t>(-1);
    return newest(pattern, count, bytes_max, looks_left);
  }

  // Visits the name of each topic that the pattern matches and something is known of, in their order.
  // Each that is looked at takes one of `looks_left`; false where they do not suffice.
  bool matching(const Pattern& pattern, std::size_t& looks_left,
                const std::function<void(std::string_view)>& visit);

  // Events `from` to `to` of one source, as far as they are retained; where a bound cuts, the first
  // of them, so that a client can go on from there.
  // Every 16 others looked at on the way take one of `looks_left`; where they, or 20,000 others, do not
  // suffice, it is cut as well.
  Fetched fetch(std::string_view topic, std::string_view source, std::uint64_t from,
                std::uint64_t to, std::size_t events_max, std::size_t bytes_max,
                std::size_t& looks_left);

  // A topic with subscribers is not forgotten; pins are counted, one for each lane that has some.
  // (Past history.bytes or limits.topics even a pinned topic goes, and is heard of anew.)
  void pin(std::string_view topic, std::size_t lane = 0);
  void unpin(std::string_view topic, std::size_t lane = 0);

  // Forgets what is past its age; call it about ten times a second. Bounded work per call.
  void sweep();

  // The same before a question, which would else pay for all that has grown too old in the topics it
  // looks at. False: there may be more, ask again. Bounded: under a millisecond a call.
  bool forget_old();

  // New bounds and routes hold at once. Cost: O(topics) where they are others than before. Where a topic is no longer conflated, what
  // came before cannot be resumed.
  void reload(ConfigPtr config);

  // The events retained, all the bookkeeping, and what the sources take.
  std::size_t bytes() const noexcept;
  std::size_t topics() const noexcept;
  std::size_t reserved_topics() const noexcept;  // of them

  // A page for REST: of the events that arrived before the place `before`, the newest `count`, or
  // fewer where they come to over `bytes_max` of frames, but at least one. A place stays good while
  // events come and go. Cost: O(events of the topic).
  HistoryPage page(std::string_view topic, std::uint64_t before, std::size_t count,
                   std::size_t bytes_max);

  // A page for REST: up to `limit` topics after `cursor` in order of name.
  std::vector<std::string> topics_after(std::string_view cursor, std::size_t limit) const;

  // The topics with most events, of the 10,000 heard from last. For people who look, as what follows.
  std::vector<std::string> busiest(std::size_t count) const;
  // Of a topic: the events since it is known, and how many a second.
  std::uint64_t events(std::string_view topic) const noexcept;
  double rate(std::string_view topic) const noexcept;
  // What is kept of it.
  Kept kept(std::string_view topic);

 private:
  bool proven(const std::vector<Position>& since, SteadyTime forgotten) const;

  const Clock& clock_;
  Topics& topics_;
  const Marks marks_;
  std::unique_ptr<Shelf> shelf_;
  std::uint64_t questions_ = 0;
};

}  // namespace zws
