// What waits between the exchange and a lane: joined turns, receipts, and the bound.
#include "lane/inbox.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "support/events.hpp"
#include "support/short_memory.hpp"

namespace zws {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

BatchPtr batch_of(const std::vector<Made>& events, std::shared_ptr<Receipt> receipt = nullptr) {
  auto batch = std::make_shared<Batch>();
  for (const Made& made : events) batch->add(make_event(made));
  batch->receipt = std::move(receipt);
  return batch;
}

// `count` events that count as `bytes` each where that is enough, from `seq` on.
BatchPtr run_of(const std::string& topic, std::uint64_t seq, std::size_t count, std::size_t bytes,
                Overflow overflow = Overflow::drop_oldest) {
  std::vector<Made> events;
  for (std::size_t i = 0; i < count; ++i)
    events.push_back(counting_as(bytes, {topic, seq + i, overflow}));
  return batch_of(events);
}

class InboxTest : public ::testing::Test {
 protected:
  std::vector<std::string> take() {
    std::vector<std::string> names;
    const Inbox::Turn turn = inbox_.take();
    more_ = turn.more;
    for (const EventPtr& event : turn.all()) names.push_back(name_of(*event));
    return names;
  }
  std::uint64_t overload_drops() const {
    return metrics_.dropped[static_cast<std::size_t>(DropReason::lane_overload)].value();
  }

  LaneMetrics metrics_;
  Inbox inbox_{10'000, metrics_};
  bool more_ = false;
};

TEST_F(InboxTest, AnEmptyInboxGivesAnEmptyTurn) {
  EXPECT_THAT(take(), IsEmpty());
  EXPECT_FALSE(more_);
}

TEST_F(InboxTest, OnlyTheFirstBatchWakesTheLane) {
  EXPECT_TRUE(inbox_.push(batch_of({{"a", 1}})));
  EXPECT_FALSE(inbox_.push(batch_of({{"a", 2}})));
  take();
  EXPECT_TRUE(inbox_.push(batch_of({{"a", 3}})));
}

TEST_F(InboxTest, OneBatchIsPassedOnAsItIs) {
  const BatchPtr batch = batch_of({{"a", 1}, {"b", 1}});
  inbox_.push(batch);
  EXPECT_GE(inbox_.bytes(), batch->queued_bytes);
  EXPECT_EQ(inbox_.take().batch, batch);
  EXPECT_EQ(inbox_.bytes(), 0U);
}

TEST_F(InboxTest, WaitingBatchesAreJoinedInOrder) {
  inbox_.push(batch_of({{"a", 1}, {"b", 1}}));
  inbox_.push(batch_of({{"a", 2}}));
  EXPECT_THAT(take(), ElementsAre("a s:1", "b s:1", "a s:2"));
  EXPECT_FALSE(more_);
}

TEST_F(InboxTest, ATurnEndsAt256EventsAndTheRestComesNext) {
  inbox_.set_limit(100'000);
  for (std::uint64_t seq = 1; seq <= 300; seq += 100) inbox_.push(run_of("a", seq, 100, 20));
  EXPECT_EQ(take().size(), 200U);
  EXPECT_TRUE(more_);
  EXPECT_EQ(take().size(), 100U);
  EXPECT_FALSE(more_);
}

TEST_F(InboxTest, ABatchWithAReceiptIsATurnOfItsOwn) {
  const auto receipt = std::make_shared<Receipt>(1, [](std::size_t) {});
  inbox_.push(batch_of({{"a", 1}}));
  const BatchPtr own = batch_of({{"a", 2}}, receipt);
  inbox_.push(own);
  inbox_.push(batch_of({{"a", 3}}));
  EXPECT_THAT(take(), ElementsAre("a s:1"));
  EXPECT_TRUE(more_);
  EXPECT_EQ(inbox_.take().batch, own);
  EXPECT_THAT(take(), ElementsAre("a s:3"));
}

TEST_F(InboxTest, OneBatchOfAnySizeIsTaken) {
  inbox_.push(run_of("a", 1, 30, 1000));
  EXPECT_EQ(take().size(), 30U);
  EXPECT_EQ(overload_drops(), 0U);
}

TEST_F(InboxTest, WhatWaitsCountsWithWhatHoldsIt) {
  std::size_t memory = 0;
  for (std::uint64_t seq = 1; seq <= 20; ++seq) {
    const BatchPtr batch = batch_of({{"a", seq}});
    memory += batch->events.front()->memory_bytes() + sizeof(Batch);
    inbox_.push(batch);
  }
  EXPECT_EQ(overload_drops(), 0U);
  EXPECT_GE(inbox_.bytes(), memory);
  while (!take().empty()) {
  }
  EXPECT_EQ(inbox_.bytes(), 0U);
}

TEST_F(InboxTest, PastTheBoundTheOldestGoAndAreTold) {
  inbox_.push(run_of("a", 1, 9, 1000));
  EXPECT_FALSE(inbox_.push(run_of("a", 10, 5, 1000)));
  EXPECT_LE(inbox_.bytes(), 10'000U);
  const auto names = take();
  ASSERT_FALSE(names.empty());
  EXPECT_EQ(names.front(), "a s:1-" + std::to_string(overload_drops()) + " missing");
  EXPECT_EQ(names.back(), "a s:14");
  EXPECT_EQ(names.size() - 1 + overload_drops(), 14U);
  EXPECT_FALSE(more_);
  EXPECT_EQ(inbox_.bytes(), 0U);
  EXPECT_TRUE(inbox_.push(batch_of({{"a", 15}})));
}

TEST_F(InboxTest, TheRouteOfEachEventDecides) {
  inbox_.push(run_of("new", 1, 9, 1000, Overflow::drop_newest));
  inbox_.push(run_of("new", 10, 3, 1000, Overflow::drop_newest));
  inbox_.push(run_of("dis", 1, 1, 1000, Overflow::disconnect));
  EXPECT_EQ(overload_drops(), 3U);
  std::vector<std::string> names;
  do {
    for (std::string& name : take()) names.push_back(std::move(name));
  } while (more_);
  EXPECT_EQ(names[8], "new s:9");
  EXPECT_THAT(names, ::testing::IsSupersetOf({"new s:11-12 missing", "dis s:1-1 missing"}));
}

// Whatever is half done then, nothing goes unsaid, and nothing stays counted as waiting.
TEST_F(InboxTest, WhatThereIsNoMemoryForIsCountedAndToldOnce) {
  int failed = 0;
  for (std::size_t passed = 0; passed < 400; ++passed) {
    LaneMetrics metrics;
    Inbox inbox(10'000, metrics);
    std::vector<BatchPtr> batches;
    for (std::uint64_t i = 0; i < 40; ++i) {
      const auto overflow = i % 3 == 0 ? Overflow::conflate : Overflow::drop_oldest;
      batches.push_back(run_of("t" + std::to_string(i % 5), 1 + 3 * i, 3, 200, overflow));
    }
    std::size_t handed_on = 0;
    bool untold = false;
    const auto take_one = [&] {
      const Inbox::Turn turn = inbox.take();
      untold = untold || turn.untold;
      for (const EventPtr& event : turn.all()) handed_on += event->is_marker() ? 0 : 1;
      return turn.more;
    };
    {
      const ShortMemory memory(passed);
      for (BatchPtr& batch : batches) inbox.push(std::move(batch));
      try {
        take_one();
      } catch (const std::bad_alloc&) {  // then it is as before
      }
    }
    while (take_one()) {
    }
    const auto& dropped = metrics.dropped[static_cast<std::size_t>(DropReason::lane_overload)];
    take_one();
    ASSERT_EQ(handed_on + dropped.value() + metrics.replaced.value(), 120U) << passed;
    ASSERT_EQ(inbox.bytes(), 0U) << passed;
    ASSERT_TRUE(inbox.push(batch_of({{"a", 1}}))) << "and the lane is woken again";
    failed += untold ? 1 : 0;
  }
  EXPECT_GT(failed, 20);
}

TEST_F(InboxTest, ConflatedEventsAreReplacedWhileTheLaneIsBehind) {
  inbox_.push(run_of("a", 1, 5, 1000));
  inbox_.push(run_of("c", 1, 8, 1000, Overflow::conflate));
  EXPECT_EQ(overload_drops(), 0U);
  EXPECT_THAT(take(), ElementsAre("a s:1", "a s:2", "a s:3", "a s:4", "a s:5", "c s:8"));
  EXPECT_EQ(metrics_.replaced.value(), 7U) << "counted on the lane's thread";
}

// It takes the place of an older one, and then there is no room for it either.
TEST_F(InboxTest, AnEventThatReplacesAndHasToGoAllTheSameIsCountedTwice) {
  inbox_.push(run_of("n", 1, 9, 1000, Overflow::drop_newest));
  inbox_.push(run_of("c", 1, 1, 500, Overflow::conflate));
  inbox_.push(run_of("n", 10, 1, 1000, Overflow::drop_newest));
  inbox_.push(run_of("c", 2, 1, 5000, Overflow::conflate));
  std::size_t handed_on = 0;
  Inbox::Turn turn;
  do {
    turn = inbox_.take();
    for (const EventPtr& event : turn.all()) handed_on += event->is_gap() ? 0 : 1;
  } while (turn.more);
  EXPECT_EQ(handed_on, 9U);
  EXPECT_EQ(overload_drops(), 2U);
  take();
  EXPECT_EQ(metrics_.replaced.value(), 1U);
}

TEST_F(InboxTest, MoreGapsThanTheBoundHoldsEndInAWord) {
  inbox_.push(run_of("a", 1, 9, 1000));
  constexpr std::uint64_t topics = 1000;
  for (std::uint64_t i = 0; i < topics; ++i)
    inbox_.push(run_of("topic-" + std::to_string(i), 1, 1, 1000, Overflow::drop_newest));
  EXPECT_LE(inbox_.bytes(), 2 * 10'000U + 1000U) << "as much again of gaps";
  EXPECT_GT(overload_drops(), topics / 2);

  std::size_t told = 0;
  Inbox::Turn turn;
  do {
    turn = inbox_.take();
    EXPECT_TRUE(turn.untold) << "whoever goes on listening comes to the hole";
    for (const EventPtr& event : turn.all()) told += event->is_gap() ? 1 : 0;
  } while (turn.more);
  EXPECT_LT(told, overload_drops());

  inbox_.push(batch_of({{"b", 1}}));
  EXPECT_FALSE(inbox_.take().untold) << "it is over";
}

TEST_F(InboxTest, WhatAllGapsNameIsNotUntold) {
  inbox_.push(run_of("a", 1, 9, 1000));
  inbox_.push(run_of("a", 10, 50, 1000));
  Inbox::Turn turn;
  do {
    turn = inbox_.take();
    EXPECT_FALSE(turn.untold);
  } while (turn.more);
  EXPECT_GT(overload_drops(), 0U);
}

TEST_F(InboxTest, AReceiptComesBackThoughTheLaneIsBehind) {
  const auto receipt = std::make_shared<Receipt>(1, [](std::size_t) {});
  inbox_.push(run_of("a", 1, 9, 1000));
  inbox_.push(run_of("a", 10, 9, 1000));
  const BatchPtr own = batch_of({{"b", 1}}, receipt);
  inbox_.push(own);
  bool came = false;
  do {
    const Inbox::Turn turn = inbox_.take();
    more_ = turn.more;
    came = came || turn.batch == own;
  } while (more_);
  EXPECT_TRUE(came);
}

TEST_F(InboxTest, WhatAnAdministratorPublishesKeepsItsPlaceThoughTheLaneIsBehind) {
  const auto receipt = std::make_shared<Receipt>(1, [](std::size_t) {});
  inbox_.push(run_of("a", 1, 9, 1000));
  inbox_.push(run_of("a", 10, 3, 1000));  // past the bound
  const BatchPtr own = batch_of({{"a", 13}, {"a", 14}}, receipt);
  inbox_.push(own);
  inbox_.push(run_of("a", 15, 30, 1000));
  std::vector<std::string> names;
  bool came = false;
  do {
    const Inbox::Turn turn = inbox_.take();
    more_ = turn.more;
    came = came || turn.batch == own;
    EXPECT_EQ(turn.batch != nullptr, turn.batch == own);
    for (const EventPtr& event : turn.all()) names.push_back(name_of(*event));
  } while (more_);
  EXPECT_TRUE(came) << "a turn of its own, for its receipt";
  const auto own_place = std::find(names.begin(), names.end(), "a s:13");
  ASSERT_NE(own_place, names.end()) << "it never gives way";
  EXPECT_EQ(*(own_place + 1), "a s:14");
  ASSERT_NE(own_place, names.begin())
      << "what waited before it, or the word that it is missing, is first";
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end(), [](const auto& a, const auto& b) {
    return std::stoi(a.substr(4)) < std::stoi(b.substr(4));
  })) << ::testing::PrintToString(names);
}

TEST_F(InboxTest, AnAdministratorsEventOfAConflatedRouteIsReplacedByNone) {
  const auto receipt = std::make_shared<Receipt>(1, [](std::size_t) {});
  inbox_.push(run_of("c", 1, 9, 1000, Overflow::conflate));
  inbox_.push(run_of("c", 10, 3, 1000, Overflow::conflate));
  const BatchPtr own = batch_of({{"c", 13, Overflow::conflate}}, receipt);
  inbox_.push(own);
  inbox_.push(run_of("c", 14, 2, 1000, Overflow::conflate));
  EXPECT_EQ(inbox_.take().batch, own);
  EXPECT_THAT(take(), ElementsAre("c s:15"));
  EXPECT_FALSE(more_);
}

TEST_F(InboxTest, APublicationOfNothingIsAnsweredThoughTheLaneIsBehind) {
  const auto receipt = std::make_shared<Receipt>(1, [](std::size_t) {});
  inbox_.push(run_of("a", 1, 9, 1000));
  inbox_.push(run_of("a", 10, 9, 1000));
  const BatchPtr own = batch_of({}, receipt);
  inbox_.push(own);
  bool came = false;
  do {
    const Inbox::Turn turn = inbox_.take();
    more_ = turn.more;
    came = came || turn.batch == own;
  } while (more_);
  EXPECT_TRUE(came);
}

// Frames smaller than the marker that tells of them: making room makes it worse.
TEST_F(InboxTest, WhateverTheSizesEachEventIsHandedOnOrToldOrUntoldIsSaid) {
  for (std::uint64_t offered = 1; offered <= 300; ++offered) {
    const std::size_t bytes = 115 + offered % 70;
    LaneMetrics metrics;
    Inbox inbox(4000, metrics);
    for (std::uint64_t i = 0; i < offered; ++i)
      inbox.push(run_of("topic-" + std::to_string(i), 1, 1, bytes));
    std::uint64_t handed_on = 0;
    std::uint64_t told = 0;
    bool untold = false;
    Inbox::Turn turn;
    do {
      turn = inbox.take();
      untold = untold || turn.untold;
      for (const EventPtr& event : turn.all())
        (event->is_gap() ? told : handed_on) += event->last_seq() - event->seq() + 1;
    } while (turn.more);
    const std::uint64_t dropped =
        metrics.dropped[static_cast<std::size_t>(DropReason::lane_overload)].value();
    EXPECT_EQ(handed_on + dropped, offered) << bytes;
    EXPECT_EQ(untold, told < dropped) << bytes << ": " << told << " of " << dropped << " told";
  }
}

TEST_F(InboxTest, AsManyBatchesAsWaitComeOutInOrder) {
  LaneMetrics metrics;
  Inbox inbox(std::size_t{1} << 30, metrics);
  for (std::uint64_t seq = 1; seq <= 3000; ++seq) inbox.push(batch_of({{"a", seq}}));
  std::uint64_t next = 1;
  Inbox::Turn turn;
  do {
    turn = inbox.take();
    for (const EventPtr& event : turn.all()) ASSERT_EQ(event->seq(), next++);
  } while (turn.more);
  EXPECT_EQ(next, 3001U);
}

// From half of the bound on it goes over to where events may be dropped one by one, and nothing changes
// by that.
TEST_F(InboxTest, WhatWaitsBelowTheBoundComesOutWholeAndInOrder) {
  LaneMetrics metrics;
  Inbox inbox(100'000, metrics);
  std::uint64_t next_in = 1;
  std::uint64_t next_out = 1;
  std::size_t places = 0;
  const auto place = [&] {
    auto batch = std::make_shared<Batch>();
    batch->events.push_back(Event::make(Event::Fields{}, {std::string_view()}));
    batch->reached = [&places, expected = next_in, &next_out] {
      EXPECT_EQ(next_out, expected);
      ++places;
    };
    return batch;
  };
  const auto take = [&] {
    const Inbox::Turn turn = inbox.take();
    if (turn.batch && turn.batch->reached) {
      turn.batch->reached();
      return turn.more;
    }
    for (const EventPtr& event : turn.all()) EXPECT_EQ(event->seq(), next_out++);
    return turn.more;
  };
  for (int step = 0; step < 1000; ++step) {
    while (inbox.bytes() < 90'000) {
      inbox.push(run_of("t", next_in, 3, 1000));
      next_in += 3;
      if (next_in % 5 == 0) inbox.push(place());
    }
    for (int turns = step % 7; turns > 0 && take(); --turns) {
    }
  }
  while (take()) {
  }
  EXPECT_EQ(next_out, next_in);
  EXPECT_GT(places, 100U);
  EXPECT_EQ(metrics.dropped[static_cast<std::size_t>(DropReason::lane_overload)].value(), 0U);
}

TEST_F(InboxTest, AnotherLimitHoldsFromTheNextBatchOn) {
  inbox_.set_limit(1000);
  inbox_.push(run_of("a", 1, 1, 700));
  inbox_.push(run_of("a", 2, 1, 700));
  EXPECT_EQ(overload_drops(), 1U);
}

}  // namespace
}  // namespace zws
