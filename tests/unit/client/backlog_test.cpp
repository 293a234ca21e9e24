// What waits for a client that lags: order, bounds, and losses told exactly (docs/DELIVERY.md).
#include "client/backlog.hpp"

#include <gmock/gmock.h>

#include <array>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "support/events.hpp"

namespace zws {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using Pushed = Backlog::Pushed;

class BacklogTest : public ::testing::Test {
 protected:
  // `frame_bytes` is what the event is to count.
  Pushed push(const Made& made) {
    const Made sized = made.frame_bytes == 0 ? made : counting_as(made.frame_bytes, made);
    return backlog_.push(make_event(sized), others_, victims_);
  }

  // Events that count as 500 bytes, `from` to `to` of one topic; all must be queued.
  void fill(const std::string& topic, std::uint64_t from, std::uint64_t to,
            Overflow overflow = Overflow::drop_oldest) {
    for (std::uint64_t seq = from; seq <= to; ++seq)
      ASSERT_EQ(push({topic, seq, overflow, 500}), Pushed::queued);
  }

  // Everything that comes out. bytes() must fall by what each counted.
  std::vector<std::string> drain() {
    std::vector<std::string> names;
    while (!backlog_.empty()) {
      const std::size_t before = backlog_.bytes();
      const EventPtr event = backlog_.pop();
      EXPECT_EQ(before - backlog_.bytes(), event->queued_bytes());
      names.push_back(event->topic().empty() ? std::string(event->frame()) : name_of(*event));
    }
    EXPECT_EQ(backlog_.bytes(), 0U);
    EXPECT_EQ(backlog_.events(), 0U);
    return names;
  }

  static constexpr std::size_t limit = 5000;
  Backlog backlog_{limit};
  std::size_t others_ = 0;
  std::size_t victims_ = 0;
};

// --- order and size ------------------------------------------------------------------------------

TEST_F(BacklogTest, StartsEmpty) {
  EXPECT_TRUE(backlog_.empty());
  EXPECT_EQ(backlog_.bytes(), 0U);
}

TEST_F(BacklogTest, WhatFitsComesOutInTheOrderInWhichItCame) {
  EXPECT_EQ(push({"a", 1}), Pushed::queued);
  EXPECT_EQ(push({"b", 1}), Pushed::queued);
  backlog_.push_own("answer", false);
  EXPECT_EQ(push({"a", 2}), Pushed::queued);
  EXPECT_EQ(backlog_.events(), 3U);
  EXPECT_THAT(drain(), ElementsAre("a s:1", "b s:1", "answer", "a s:2"));
  EXPECT_EQ(victims_, 0U);
}

TEST_F(BacklogTest, ASourceIsForgottenWithTheLastThatWaitsOfIt) {
  const auto one_of = [](const std::string& source) {
    return Made{"a", 1, Overflow::drop_oldest, 500, source};
  };
  push(one_of("s"));
  for (int i = 0; i < 100; ++i) {
    push(one_of("s" + std::to_string(i)));
    EXPECT_EQ(backlog_.sources(), 2U);
    backlog_.pop();
  }
  drain();
  EXPECT_EQ(backlog_.sources(), 0U);
}

TEST_F(BacklogTest, TheBoundItselfIsStillWithin) {
  fill("a", 1, 10);
  EXPECT_EQ(backlog_.bytes(), limit);
  EXPECT_EQ(victims_, 0U);
}

// A bound in frames alone is none: of a raw route's events without a payload half a million waited in a
// mebibyte, each with its place, its event and, where keys conflate, the index of these.
TEST_F(BacklogTest, TheBoundIsOneOfMemoryAlsoForTheSmallestEvents) {
  constexpr std::size_t place = 56;
  for (const auto overflow : {Overflow::drop_newest, Overflow::conflate}) {
    for (const std::size_t key_bytes : {6U, 250U}) {
      Backlog backlog(100'000);
      std::size_t memory = 0;
      for (std::uint64_t seq = 1; seq <= 100'000 && victims_ == 0; ++seq) {
        Event::Fields fields;
        const std::string key =
            std::to_string(1'000'000 + seq).substr(1) + std::string(key_bytes - 6, 'k');
        fields.topic = "r";
        fields.source = "a-source-of-its-own";
        fields.seq = fields.last_seq = seq;
        fields.key = key;
        fields.overflow = overflow;
        const EventPtr event = Event::make(fields, {std::string_view("\x81\0", 2)});
        if (backlog.push(event, 0, victims_) == Pushed::dropped) break;
        memory += event->memory_bytes() + place + (overflow == Overflow::conflate ? 64 : 0);
      }
      victims_ = 0;
      EXPECT_GT(backlog.events(), 100U);
      EXPECT_LE(memory, 150'000U) << key_bytes;
    }
  }
}

TEST_F(BacklogTest, OrdinaryEventsTakeLittleMoreThanTheirFrames) {
  Backlog backlog(1'000'000);
  std::size_t frames = 0;
  for (std::uint64_t seq = 1;; ++seq) {
    const EventPtr event = make_event({"prices", seq, Overflow::drop_newest, 200, "desk"});
    if (backlog.push(event, 0, victims_) == Pushed::dropped) break;
    frames += event->frame().size();
  }
  EXPECT_GE(frames, 660'000U);
}

TEST_F(BacklogTest, AnEmptyQueueTakesOneEventOfAnySize) {
  EXPECT_EQ(push({"a", 1, Overflow::drop_newest, 25000}), Pushed::queued);
  EXPECT_EQ(backlog_.bytes(), 25'000U);
  EXPECT_EQ(push({"a", 2, Overflow::drop_newest, 500}), Pushed::dropped);
  EXPECT_THAT(drain(), ElementsAre("a s:1", "a s:2-2 missing"));
}

TEST_F(BacklogTest, BytesThatWaitElsewhereCount) {
  others_ = 4750;
  EXPECT_EQ(push({"a", 1, Overflow::drop_oldest, 500}), Pushed::dropped);
  EXPECT_EQ(victims_, 0U);
  EXPECT_THAT(drain(), ElementsAre("a s:1-1 missing"));
}

TEST_F(BacklogTest, PeekShowsWhatPopTakesOff) {
  fill("a", 1, 10);
  push({"a", 11, Overflow::drop_oldest, 500});
  std::array<std::string_view, 4> frames;
  ASSERT_EQ(backlog_.peek(frames.data(), frames.size()), 4U);
  std::vector<std::string> shown(frames.begin(), frames.end());
  for (const std::string& frame : shown) EXPECT_EQ(frame, backlog_.pop()->frame());
  EXPECT_EQ(backlog_.peek(frames.data(), 0), 0U);
}

// --- drop_oldest ---------------------------------------------------------------------------------

TEST_F(BacklogTest, TheOldestGoesAndItsPlaceTells) {
  fill("a", 1, 10);
  EXPECT_EQ(push({"a", 11, Overflow::drop_oldest, 500}), Pushed::queued);
  // A marker takes bytes too, so two had to go; they are told as one.
  EXPECT_EQ(victims_, 2U);
  EXPECT_LE(backlog_.bytes(), limit);
  EXPECT_THAT(drain(), ElementsAre("a s:1-2 missing", "a s:3", "a s:4", "a s:5", "a s:6", "a s:7",
                                   "a s:8", "a s:9", "a s:10", "a s:11"));
}

TEST_F(BacklogTest, TheGapIsToldInTheContractsWords) {
  fill("a\"b", 7, 16);
  push({"a\"b", 17, Overflow::drop_oldest, 500});
  const EventPtr gap = backlog_.pop();
  ASSERT_TRUE(gap->is_gap());
  EXPECT_EQ(gap->frame(),
            text_frame(R"({"type":"gap","topic":"a\"b","src":"s","from":7,"to":8,"missed":2,)"
                       R"("reason":"slow_consumer"})"));
}

TEST_F(BacklogTest, WhatIsToldOfSourcesKeepsItsPlaceAndIsBoundedAsGapsAre) {
  Event::Fields lost;
  lost.topic = "a";
  lost.source = "s";
  lost.overflow = Overflow::conflate;
  const EventPtr marker = Renderer::source(lost, "lost", 0);
  fill("a", 1, 9);
  EXPECT_EQ(backlog_.push(marker, 0, victims_), Pushed::queued);
  EXPECT_EQ(backlog_.events(), 9U) << "it is no event";
  fill("a", 10, 11);
  EXPECT_THAT(drain(), ElementsAre("a s:1-2 missing", "a s:3", "a s:4", "a s:5", "a s:6", "a s:7",
                                   "a s:8", "a s:9", "a s lost", "a s:10", "a s:11"));
  std::size_t waiting = 0;
  while (backlog_.push(marker, 0, victims_) == Pushed::queued) ++waiting;
  EXPECT_EQ(waiting, limit / marker->queued_bytes());
}

TEST_F(BacklogTest, TheTopicThatHoldsMostBytesGivesWay) {
  fill("rare", 1, 1);
  fill("bulk", 1, 9);
  EXPECT_EQ(push({"rare", 2, Overflow::drop_oldest, 500}), Pushed::queued);
  EXPECT_EQ(push({"other", 1, Overflow::drop_oldest, 500}), Pushed::queued);
  const auto names = drain();
  EXPECT_THAT(names, ::testing::IsSupersetOf({"rare s:1", "rare s:2", "other s:1", "bulk s:9"}));
  EXPECT_EQ(names[1], "bulk s:1-" + std::to_string(victims_) + " missing");
}

TEST_F(BacklogTest, TheOldestOfAllSourcesOfATopicGoes) {
  for (std::uint64_t seq = 1; seq <= 5; ++seq) {
    push({"a", seq, Overflow::drop_oldest, 500, "x"});
    push({"a", seq, Overflow::drop_oldest, 500, "y"});
  }
  EXPECT_EQ(push({"a", 6, Overflow::drop_oldest, 500, "y"}), Pushed::queued);
  const auto names = drain();
  EXPECT_EQ(names[0].substr(0, 5), "a x:1");
  EXPECT_THAT(names, ::testing::Contains("a y:6"));
}

TEST_F(BacklogTest, WhatIsTooLargeForTheBoundGoesItselfInTheEnd) {
  fill("a", 1, 2);
  EXPECT_EQ(push({"b", 1, Overflow::drop_oldest, 10000}), Pushed::dropped);
  EXPECT_THAT(drain(), ElementsAre("a s:1-2 missing", "b s:1-1 missing"));
  EXPECT_EQ(victims_, 2U);
}

TEST_F(BacklogTest, EventsOfDropNewestAndDisconnectRoutesAreNeverTheVictim) {
  fill("keep", 1, 5, Overflow::drop_newest);
  fill("stay", 1, 5, Overflow::disconnect);
  EXPECT_EQ(push({"a", 1, Overflow::drop_oldest, 500}), Pushed::dropped);
  EXPECT_EQ(victims_, 0U);
  const auto names = drain();
  EXPECT_EQ(names.size(), 11U);
  EXPECT_EQ(names.back(), "a s:1-1 missing");
}

TEST_F(BacklogTest, AMarkerThatWasShownGrowsNoMore) {
  fill("a", 1, 10);
  push({"a", 11, Overflow::drop_oldest, 500});
  std::string_view shown;
  ASSERT_EQ(backlog_.peek(&shown, 1), 1U);
  const std::string before(shown);
  push({"a", 12, Overflow::drop_oldest, 500});
  push({"a", 13, Overflow::drop_oldest, 500});
  EXPECT_EQ(backlog_.pop()->frame(), before);
  EXPECT_EQ(name_of(*backlog_.pop()).substr(0, 6), "a s:3-");
}

// --- drop_newest, disconnect ---------------------------------------------------------------------

TEST_F(BacklogTest, WhoIsToldNoMoreEventsIsToldNoGapsEither) {
  fill("a", 1, 10);
  backlog_.push_own("answer", false);
  ASSERT_EQ(push({"a", 11, Overflow::drop_oldest, 500}), Pushed::queued);
  std::array<std::string_view, 4> frames;
  ASSERT_GT(backlog_.peek(frames.data(), frames.size()), 0U);  // the marker is in words now

  EXPECT_GT(backlog_.drop_events(), 0U);

  EXPECT_THAT(drain(), ElementsAre("answer"));
}

TEST_F(BacklogTest, DropNewestLetsTheArrivingOnesGo) {
  fill("a", 1, 9, Overflow::drop_newest);
  fill("a", 10, 10, Overflow::drop_newest);
  for (std::uint64_t seq = 11; seq <= 13; ++seq)
    EXPECT_EQ(push({"a", seq, Overflow::drop_newest, 500}), Pushed::dropped);
  for (int i = 0; i < 3; ++i) backlog_.pop();
  EXPECT_EQ(push({"a", 14, Overflow::drop_newest, 500}), Pushed::queued);
  const auto names = drain();
  EXPECT_EQ(names[7], "a s:11-13 missing");
  EXPECT_EQ(names[8], "a s:14");
}

TEST_F(BacklogTest, DisconnectClosesAtTheBoundAndNotBefore) {
  fill("a", 1, 10, Overflow::disconnect);
  EXPECT_EQ(push({"a", 11, Overflow::disconnect, 500}), Pushed::closing);
}

TEST_F(BacklogTest, ALaneDropsWhereAClientWouldBeDisconnected) {
  fill("a", 1, 10, Overflow::disconnect);
  EXPECT_EQ(backlog_.push(make_event({"a", 11, Overflow::disconnect, 500}), 0, victims_,
                          Backlog::Full::drop_arriving),
            Pushed::dropped);
  EXPECT_EQ(drain().back(), "a s:11-11 missing");
}

// --- conflate ------------------------------------------------------------------------------------

TEST_F(BacklogTest, TheNewestOfAKeyTakesTheTail) {
  push({"a", 1, Overflow::conflate, 500, "s", "k"});
  push({"a", 2, Overflow::conflate, 500, "s", "l"});
  EXPECT_EQ(push({"a", 3, Overflow::conflate, 500, "s", "k"}), Pushed::replaced);
  EXPECT_EQ(victims_, 0U);
  EXPECT_THAT(backlog_.take_replaced(), ElementsAre(Pair("a", 1U)));
  EXPECT_THAT(backlog_.take_replaced(), IsEmpty());
  EXPECT_THAT(drain(), ElementsAre("a s:2", "a s:3"));
}

TEST_F(BacklogTest, WithoutAKeyTheTopicIsTheKey) {
  push({"a", 1, Overflow::conflate});
  push({"b", 1, Overflow::conflate});
  EXPECT_EQ(push({"a", 2, Overflow::conflate}), Pushed::replaced);
  EXPECT_THAT(drain(), ElementsAre("b s:1", "a s:2"));
}

TEST_F(BacklogTest, TheSameKeyOfAnotherTopicIsAnother) {
  push({"a", 1, Overflow::conflate, 0, "s", "k"});
  EXPECT_EQ(push({"b", 1, Overflow::conflate, 0, "s", "k"}), Pushed::queued);
}

TEST_F(BacklogTest, ReplacedEventsAreCountedThoughTheirTopicEmpties) {
  push({"a", 1, Overflow::conflate});
  push({"a", 2, Overflow::conflate});
  drain();
  EXPECT_THAT(backlog_.take_replaced(), ElementsAre(Pair("a", 1U)));
}

TEST_F(BacklogTest, AKeyThatHasLeftIsNoLongerReplaced) {
  push({"a", 1, Overflow::conflate});
  backlog_.pop();
  EXPECT_EQ(push({"a", 2, Overflow::conflate}), Pushed::queued);
}

TEST_F(BacklogTest, ConflatedEventsAreDroppedLikeOthersWhenKeysAreTooMany) {
  for (std::uint64_t seq = 1; seq <= 11; ++seq)
    push({"a", seq, Overflow::conflate, 500, "s", "k" + std::to_string(seq)});
  EXPECT_EQ(victims_, 2U);
  // The key of a dropped one is free again.
  EXPECT_EQ(push({"a", 12, Overflow::conflate, 500, "s", "k11"}), Pushed::replaced);
  EXPECT_EQ(drain().front(), "a s:1-2 missing");
}

TEST_F(BacklogTest, AReplacedEventIsNoGapBetweenTwoThatAre) {
  push({"a", 1, Overflow::conflate, 1500, "s", "x"});
  push({"a", 2, Overflow::conflate, 1500, "s", "y"});
  push({"a", 3, Overflow::conflate, 1500, "s", "z"});
  push({"a", 4, Overflow::conflate, 1500, "s", "y"});  // replaces 2
  push({"a", 5, Overflow::conflate, 3500, "s", "w"});  // drops 1 and 3
  const auto names = drain();
  EXPECT_EQ(names[0], "a s:1-1 missing");
  EXPECT_EQ(names[1].substr(0, 6), "a s:3-");
}

// --- our own frames, markers, gaps of producers --------------------------------------------------

TEST_F(BacklogTest, OwnFramesAreNeverDropped) {
  for (int i = 0; i < 30; ++i) backlog_.push_own(std::string(100, 'x'), false);
  EXPECT_EQ(backlog_.bytes(), 30 * (Event::place_bytes + 100));
  EXPECT_EQ(backlog_.events(), 0U);
  EXPECT_EQ(drain().size(), 30U);
}

TEST_F(BacklogTest, AWaitingPongIsReplacedByTheNext) {
  backlog_.push_own("pong 1", true);
  backlog_.push_own("answer", false);
  backlog_.push_own("pong 2", true);
  EXPECT_THAT(drain(), ElementsAre("pong 2", "answer"));
  backlog_.push_own("pong 3", true);
  EXPECT_THAT(drain(), ElementsAre("pong 3"));
}

// Who joins at a place hears nothing of what came before it, and all of what comes later.
TEST_F(BacklogTest, AMarkerDoesNotReachOverAPlace) {
  const auto place = [&] {
    backlog_.push_place(
        Event::make(Event::Fields{}, std::vector<std::string_view>{std::string_view()}));
  };
  fill("a", 1, 8, Overflow::drop_newest);
  for (std::uint64_t seq = 1; seq <= 2; ++seq) push({"n", seq, Overflow::drop_newest, 1500});
  place();
  for (std::uint64_t seq = 3; seq <= 4; ++seq) push({"n", seq, Overflow::drop_newest, 1500});
  place();
  EXPECT_THAT(drain(), ElementsAre("a s:1", "a s:2", "a s:3", "a s:4", "a s:5", "a s:6", "a s:7",
                                   "a s:8", "n s:1-2 missing", "", "n s:3-4 missing", ""));
}

TEST_F(BacklogTest, WhatGoesLaterLeavesItsMarkerOnItsOwnSideOfAPlace) {
  fill("a", 1, 5);
  backlog_.push_place(
      Event::make(Event::Fields{}, std::vector<std::string_view>{std::string_view()}));
  fill("a", 6, 10);
  for (std::uint64_t seq = 1; seq <= 9; ++seq) push({"b", seq, Overflow::drop_oldest, 500});
  const std::vector<std::string> names = drain();
  const auto at = std::find(names.begin(), names.end(), "");
  ASSERT_NE(at, names.end());
  EXPECT_EQ(names.front(), "a s:1-5 missing");
  EXPECT_EQ(at - names.begin(), 1);
}

TEST_F(BacklogTest, AProducersGapWaitsAtItsPlaceAndIsNeverDropped) {
  fill("a", 1, 4);
  Event::Fields missing;
  missing.topic = "a";
  missing.source = "s";
  missing.seq = 5;
  missing.last_seq = 6;
  EXPECT_EQ(backlog_.push(Renderer::gap(missing, "producer"), 0, victims_), Pushed::queued);
  EXPECT_EQ(push({"a", 7, Overflow::drop_oldest, 500}), Pushed::queued);
  EXPECT_EQ(backlog_.events(), 5U);
  EXPECT_EQ(push({"b", 1, Overflow::drop_oldest, 4750}), Pushed::dropped);
  EXPECT_THAT(drain(), ElementsAre("a s:1-4 missing", "a s:5-6 missing", "a s:7-7 missing",
                                   "b s:1-1 missing"));
}

TEST_F(BacklogTest, WhoCannotBeToldWhatItMissedMustGo) {
  Pushed last = Pushed::queued;
  for (int topic = 0; topic < 1000 && last != Pushed::closing; ++topic) {
    last = push({"topic-" + std::to_string(topic), 1, Overflow::drop_oldest, 500});
    EXPECT_LE(backlog_.bytes(), 2 * limit + 300);
  }
  EXPECT_EQ(last, Pushed::closing);
}

// --- any sequence of all this, against the bookkeeping of the contract ---------------------------

struct Ledger {
  std::uint64_t published = 0;
  std::uint64_t received = 0;
  std::uint64_t missed = 0;
  std::uint64_t seen = 0;  // the newest seq received or told missing
};

class Model {
 public:
  explicit Model(std::uint32_t seed) : random_(seed), limit_(3000 + seed % 7 * 2000) {}

  void run(int steps) {
    for (int i = 0; i < steps && !closing_; ++i) {
      switch (pick(10)) {
        case 0: own(); break;
        case 1:
        case 2:
          for (std::size_t n = pick(6); n > 0 && !backlog_.empty(); --n) pop();
          break;
        case 3: peek(); break;
        default: push();
      }
    }
    while (!backlog_.empty()) pop();
    EXPECT_EQ(backlog_.bytes(), 0U);
    if (!closing_) balance();
  }

  bool closed() const { return closing_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  using Key = std::pair<std::string, std::string>;

  std::size_t pick(std::size_t below) { return random_() % below; }

  static Overflow overflow_of(std::size_t topic) {
    constexpr std::array<Overflow, 3> policies{Overflow::drop_oldest, Overflow::drop_newest,
                                               Overflow::conflate};
    return policies[topic % policies.size()];
  }

  void push() {
    const std::size_t topic = pick(5);
    Made made{"t" + std::to_string(topic), 0, overflow_of(topic), 60 + pick(300)};
    made.source = std::string(1, static_cast<char>('a' + pick(2)));
    made.key = "k" + std::to_string(pick(3));
    Ledger& ledger = ledgers_[{made.topic, made.source}];
    made.seq = ++ledger.published;
    const EventPtr event = make_event(made);
    const std::size_t others = pick(4) == 0 ? pick(500) : 0;
    const bool was_empty = backlog_.empty() && others == 0;
    std::size_t victims = 0;
    const Pushed pushed = backlog_.push(event, others, victims);
    if (pushed == Pushed::closing) {
      closing_ = true;
      EXPECT_GT(backlog_.bytes(), limit_);
      return;
    }
    dropped_ += victims + (pushed == Pushed::dropped ? 1 : 0);
    const bool taken = pushed == Pushed::queued || pushed == Pushed::replaced;
    if (taken && !was_empty && backlog_.bytes() != event->queued_bytes()) {
      EXPECT_LE(backlog_.bytes() + others, limit_);
    }
    EXPECT_LE(backlog_.bytes(), 2 * limit_);
  }

  void own() {
    const bool pong = pick(2) == 0;
    if (backlog_.bytes() + Event::place_bytes + 40 > limit_)
      return;  // the bridge no longer reads that client
    backlog_.push_own(std::string(40, pong ? 'p' : 'o'), pong);
  }

  void peek() {
    std::array<std::string_view, 8> frames;
    backlog_.peek(frames.data(), pick(frames.size() + 1));
  }

  void pop() {
    const std::size_t before = backlog_.bytes();
    const EventPtr event = backlog_.pop();
    EXPECT_EQ(before - backlog_.bytes(), event->queued_bytes());
    if (event->topic().empty()) return;
    Ledger& ledger = ledgers_[{std::string(event->topic()), std::string(event->source())}];
    EXPECT_GT(event->seq(), ledger.seen) << name_of(*event);
    ledger.seen = event->last_seq();
    const std::uint64_t count = event->last_seq() - event->seq() + 1;
    (event->is_gap() ? ledger.missed : ledger.received) += count;
    if (event->is_gap()) expect_words(*event);
  }

  static void expect_words(const Event& gap) {
    const auto told = nlohmann::json::parse(gap.frame().substr(gap.frame()[1] < 126 ? 2 : 4));
    EXPECT_EQ(told["from"], gap.seq());
    EXPECT_EQ(told["to"], gap.last_seq());
    EXPECT_EQ(told["missed"], gap.last_seq() - gap.seq() + 1);
  }

  void balance() {
    std::uint64_t dropped = 0;
    std::map<std::string, std::uint64_t> replaced;
    std::map<std::string, std::uint64_t> unaccounted;
    for (const auto& [topic, count] : backlog_.take_replaced()) replaced[topic] += count;
    for (const auto& [key, ledger] : ledgers_) {
      dropped += ledger.missed;
      const std::uint64_t rest = ledger.published - ledger.received - ledger.missed;
      unaccounted[key.first] += rest;
      if (key.first != "t2") {
        EXPECT_EQ(rest, 0U) << key.first << ' ' << key.second;
      }
    }
    EXPECT_EQ(unaccounted["t2"], replaced["t2"]);
    EXPECT_EQ(dropped, dropped_);
  }

  std::mt19937 random_;
  std::size_t limit_;
  Backlog backlog_{limit_};
  std::map<Key, Ledger> ledgers_;
  std::uint64_t dropped_ = 0;
  bool closing_ = false;
};

TEST(BacklogModelTest, ReceivedMissedAndReplacedAddUpToPublished) {
  int closed = 0;
  std::uint64_t dropped = 0;
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed);
    model.run(400);
    closed += model.closed() ? 1 : 0;
    dropped += model.dropped();
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_LT(closed, 150);
  EXPECT_GT(dropped, 1000U);
}

// Against a scan of all topics, each with events of many sizes, while some of them leave.
TEST(BacklogModelTest, OfManyTopicsTheOneThatHoldsMostGivesWay) {
  std::mt19937 random(1);
  Backlog backlog(300'000);
  std::map<std::string, std::uint64_t> newest;
  std::map<std::string, std::deque<std::size_t>> waiting;
  const auto held = [&](const std::string& topic) {
    return std::accumulate(waiting[topic].begin(), waiting[topic].end(), std::size_t{0});
  };
  std::size_t gone = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string topic = "t" + std::to_string(random() % 40);
    const EventPtr event =
        make_event(counting_as(300 + random() % 20'000, {topic, ++newest[topic]}));
    std::size_t victims = 0;
    ASSERT_EQ(backlog.push(event, 0, victims), Pushed::queued);
    for (; victims > 0; --victims, ++gone) {
      std::string most = topic;
      for (const auto& [name, sizes] : waiting)
        if (held(name) > held(most)) most = name;
      if (victims == 1) {
        ASSERT_EQ(held(std::string(backlog.dropped_topic())), held(most)) << "after " << gone;
        most = backlog.dropped_topic();  // where two hold the same
      }
      waiting[most].pop_front();
    }
    waiting[topic].push_back(event->queued_bytes());
    if (random() % 4 != 0) continue;
    const EventPtr first = backlog.pop();
    if (!first->is_gap()) waiting[std::string(first->topic())].pop_front();
  }
  EXPECT_GT(gone, 1000U);
}

}  // namespace
}  // namespace zws
