// Router, the fan-out of a lane: who wants this event?
//
// A turn is all that one batch brings. Subscribers that want exactly the same events of a turn form a
// group; its frames are joined once and offered to each member in one piece, so the work per
// subscriber is one step and one write, whatever the number of events.
//
// Thread:   its lane only, so it holds no lock.
// Lifetime: borrows subscribers; each must leave() before it dies.
// Order:    each subscriber sees a topic in publish order, and all events in one order.
// Cost:     an event nobody wants costs one look-up; else what its receivers cost. After the first
//           turns nothing is allocated.
#pragma once

#include <tsl/hopscotch_map.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/by_topic_id.hpp"
#include "core/pattern.hpp"
#include "core/topic.hpp"
#include "exchange/interest.hpp"
#include "exchange/pattern_index.hpp"
#include "metrics/metrics.hpp"
#include "routing/audience.hpp"
#include "routing/turn.hpp"

namespace zws {

// How much a topic or a pattern is in use, on one lane.
struct TopicLoad {
  std::string topic;
  bool pattern = false;
  std::size_t subscribers = 0;  // of a topic: by name and by patterns, each once
  std::uint64_t events = 0;     // that came while it was known
  double rate = 0;              // of them a second, over the last ten
};

class Router {
 public:
  Router(Interest& interest, LaneMetrics& metrics);
  ~Router();

  struct Joined {
    bool fresh = false;  // false: it had asked for this before, and nothing changed
    // What arrived later than this it got already, by an implicit membership (Event::arrival).
    std::uint64_t had_live_after = ~std::uint64_t{0};
  };

  // Somebody will subscribe to the pattern: from now on the lane is given its events. As often as
  // no_longer_expected() afterwards. Called while the caller looks at the exchange. `sources`: somebody who will
  // be told of sources, too.
  void expect(const Pattern& pattern, bool sources = false);
  void no_longer_expected(const Pattern& pattern, bool sources = false) noexcept;

  // From now on `who` is offered what publish() brings: what arrived later than `since`. `implicit`
  // subscriptions (@all, @user/<id>) are there without a subscribe message; one that asks for them
  // changes the answers only, not what is delivered. Called while the caller looks at the exchange, unless the pattern is expected.
  Joined subscribe(Subscriber& who, const Pattern& pattern, bool implicit = false,
                   std::uint64_t since = 0);

  // It asked for the pattern and was sent all that it had missed, up to what arrived as `since`.
  void note_recovered(Subscriber& who, const Pattern& pattern, std::uint64_t since) noexcept;

  // From now on it is told of the sources, too, until it unsubscribes. It has asked for the pattern, and
  // that has been expected.
  void tell_sources(Subscriber& who, const Pattern& pattern);
  bool is_told_sources(const Subscriber& who, const Pattern& pattern) const noexcept;

  // False when the subscriber had not asked for it. An implicit one stays.
  bool unsubscribe(Subscriber& who, const Pattern& pattern);

  void leave(Subscriber& who) noexcept;

  // From now on what nobody wants any more is not given back at once: `soon` is called when there is some,
  // and give_back() later. Until then the lane listens to it.
  void give_back_later(std::function<void()> soon) { soon_ = std::move(soon); }
  // Gives back a few of these. True: there are more.
  bool give_back() noexcept;

  // What it has without having asked ends; what it asked for stays.
  void leave_implicit(Subscriber& who) noexcept;

  // Whether `who` gets the events of `topic` already.
  bool receives(const Subscriber& who, std::string_view topic) const noexcept;
  // Whether it has that without having asked.
  bool has_implicitly(const Subscriber& who, const Pattern& pattern) const noexcept;
  bool asked(const Subscriber& who, const Pattern& pattern) const noexcept;

  // What is at a place among its memberships, of which it has `who.subscriptions()`; null: it has not asked
  // for that. Where one ends the last one takes its place.
  const Pattern* asked_at(const Subscriber& who, std::size_t place) const noexcept;

  // What `who` asked for, in no order.
  std::vector<Pattern> subscriptions(const Subscriber& who) const;

  // To which of all that `who` has topics belong, for many topics: each costs a look-up, and not all of these.
  // While one lives nobody joins or leaves, and there is no other.
  class Own {
   public:
    Own(Router& router, const Subscriber& who) noexcept;
    ~Own();
    Own(const Own&) = delete;
    Own& operator=(const Own&) = delete;

    // Calls `visit` with the place of each among its memberships, as in asked_at().
    template <typename Visit>
    void each_place(std::string_view topic, Visit&& visit) const {
      for (const Audience* audience : router_.audiences_of(topic))
        if (audience->noted != 0) visit(audience->noted - 1);
    }
    // What arrived later than the number that is returned it has by another of them than `pattern`.
    std::optional<std::uint64_t> since_besides(std::string_view topic,
                                               const Pattern& pattern) const;

   private:
    Router& router_;
    const Subscriber& who_;
  };

  // Offers each event once to every subscriber that wants it (even where two of its
  // patterns match), a late gap (exchange/late_gap.hpp) to those who have listened since before it. Returns the
  // deliveries offered. `between` is called every so many writes, for a lane that must not stay away too long; it may
  // neither publish nor touch a subscriber.
  std::size_t publish(
      const std::vector<EventPtr>& events, const std::function<void()>& between = [] {});

  // For the API: topics and patterns that were subscribed to by their name and text, those that follow
  // `cursor` in order, until `visit(name, events that came while it was known)` is false. False: there are no more.
  template <typename Visit>
  bool each_after(std::string_view cursor, Visit&& visit) const {
    std::string_view
        before;  // patterns of one text that stop elsewhere have one name; load() knows them all
    for (auto next = in_order_.upper_bound(cursor); next != in_order_.end(); ++next) {
      const std::string& name = (*next)->pattern().text();
      if ((*next)->empty() || name == before) continue;
      before = name;
      if (!visit(name, (*next)->offered())) return true;
    }
    return false;
  }
  std::vector<std::string> names_after(std::string_view cursor, std::size_t count) const;
  // One of them, or a topic that is heard by patterns only.
  TopicLoad load(const std::string& name, SteadyTime now = std::chrono::steady_clock::now()) const;
  // Topics by name that have subscribers, how many of them are the bridge's own (@all, ...), and
  // patterns.
  std::size_t topics() const noexcept { return exact_.size(); }
  std::size_t reserved_topics() const noexcept { return reserved_topics_; }
  std::size_t patterns() const noexcept { return pattern_count_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return topic_hash(name); }
  };

  struct InOrder {
    using is_transparent = void;
    bool operator()(const Audience* a, const Audience* b) const noexcept;
    bool operator()(std::string_view text, const Audience* audience) const noexcept {
      return text < audience->pattern().text();
    }
    bool operator()(const Audience* audience, std::string_view text) const noexcept {
      return audience->pattern().text() < text;
    }
  };

  const Audience* find(const Pattern& pattern) const noexcept;
  Audience* find(const Pattern& pattern) noexcept;
  Audience* find(const Event& event);
  Audience& audience_of(const Pattern& pattern);
  void drop_if_empty(Audience& audience) noexcept;
  bool is_kept_for_later(Audience& audience) noexcept;
  void remove(Audience& audience) noexcept;
  void drop_membership(Subscriber& who, std::size_t index) noexcept;
  void watch(Audience& audience);
  void no_longer_watch(Audience& audience) noexcept;
  void tell_sources_no_more(Subscriber& who, std::size_t index) noexcept;
  void join(const std::vector<Audience*>& audiences, const Event& event);
  void observe_latency();
  const std::vector<Audience*>& audiences_of(std::string_view topic);
  static std::size_t receivers(const std::vector<const Audience*>& all) noexcept;

  Interest& interest_;
  LaneMetrics& metrics_;
  tsl::hopscotch_map<std::string_view, std::unique_ptr<Audience>, Hash, std::equal_to<>> exact_;
  ByTopicId<Audience> by_id_;
  std::size_t reserved_topics_ = 0;
  PatternIndex<Audience> patterns_;
  std::size_t pattern_count_ = 0;                // in patterns_
  std::set<const Audience*, InOrder> in_order_;  // all of them
  Turn turn_;
  std::vector<Audience*> named_;  // for each event of a turn, those who named its topic
  std::vector<Audience*> matched_;
  std::vector<Audience*> unwanted_;  // to be given back; nobody else removes these
  std::function<void()> soon_;       // empty: they are given back at once
};

}  // namespace zws
