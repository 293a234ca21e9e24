// The one way out to a client, over a real socket that fills up.
#include "client/outbox.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <utility>

#include "support/events.hpp"

namespace zws {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class OutboxTest : public ::testing::Test, protected Outbox::Owner {
 protected:
  void SetUp() override {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    ours_ = pair[0];
    theirs_ = pair[1];
    const int small = 4096;
    ::setsockopt(ours_, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    wire_.emplace(ours_);
    outbox_.emplace(static_cast<Outbox::Owner&>(*this), metrics_, limit);
    outbox_->open(&*wire_);
  }
  void TearDown() override {
    outbox_.reset();
    EXPECT_EQ(metrics_.queue_bytes.value(), 0U) << "what waited is no longer counted";
    ::close(ours_);
    if (theirs_ >= 0) ::close(theirs_);
  }

  void on_blocked() noexcept override { ++blocked_; }
  void on_drained() noexcept override { ++drained_; }
  void on_broken() noexcept override { ++broken_; }
  void on_loss(std::string_view topic) noexcept override { lost_.emplace_back(topic); }
  void on_overflow() noexcept override { ++overflowed_; }
  void on_replaced() noexcept override { handed_over_ += outbox_->take_replaced().size(); }

  void deliver(const std::vector<EventPtr>& events) {
    std::vector<const EventPtr*> places;
    std::string bytes;
    Bundle bundle;
    for (const EventPtr& event : events) {
      places.push_back(&event);
      bytes.append(event->frame());
      bundle.markers += event->is_marker() ? 1 : 0;
      bundle.marker_bytes += event->is_marker() ? event->frame().size() : 0;
    }
    bundle.events = places.data();
    bundle.count = places.size();
    bundle.bytes = bytes;
    outbox_->deliver(bundle);
  }
  static EventPtr gap(std::uint64_t from, std::uint64_t to) {
    Event::Fields missing;
    missing.topic = "a";
    missing.source = "s";
    missing.seq = from;
    missing.last_seq = to;
    return Renderer::gap(missing, "producer");
  }
  EventPtr sent(const Made& made) {
    EventPtr event = make_event(made);
    deliver({event});
    return event;
  }

  // What the client can read now.
  std::string read_some() {
    std::string all;
    char buffer[65'536];
    for (ssize_t size = 0; (size = ::read(theirs_, buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<std::size_t>(size));
    return all;
  }
  // The client reads and the outbox flushes until nothing waits.
  std::string read_all() {
    std::string all = read_some();
    for (int i = 0; i < 10'000 && outbox_->waiting(); ++i) {
      outbox_->flush();
      all += read_some();
    }
    EXPECT_FALSE(outbox_->waiting());
    return all;
  }
  // Fills the socket until something waits; the frames that went in.
  std::string fill() {
    std::string all;
    while (!outbox_->waiting())
      all.append(sent({"fill", ++filled_, Overflow::drop_newest, 1000})->frame());
    return all;
  }
  std::uint64_t drops(DropReason reason) const {
    return metrics_.dropped[static_cast<std::size_t>(reason)].value();
  }

  static constexpr std::size_t limit = 20'000;
  LaneMetrics metrics_;
  int ours_ = -1;
  int theirs_ = -1;
  std::optional<Wire> wire_;
  std::optional<Outbox> outbox_;
  std::uint64_t filled_ = 0;
  int blocked_ = 0;
  int drained_ = 0;
  int broken_ = 0;
  int overflowed_ = 0;
  std::size_t handed_over_ = 0;    // topics
  std::vector<std::string> lost_;  // topics
};

TEST_F(OutboxTest, WhatTheSocketTakesIsWrittenAtOnceAndCounted) {
  const EventPtr first = make_event({"a", 1});
  const EventPtr second = make_event({"a", 2});
  deliver({first, second});
  EXPECT_EQ(read_some(), std::string(first->frame()) + std::string(second->frame()));
  EXPECT_EQ(outbox_->delivered(), 2U);
  EXPECT_EQ(metrics_.deliveries.value(), 2U);
  EXPECT_EQ(metrics_.delivered_bytes.value(), first->frame().size() + second->frame().size());
  EXPECT_DOUBLE_EQ(outbox_->rate(SteadyTime{}), 0.2) << "two in ten seconds";
  EXPECT_EQ(blocked_, 0);
  EXPECT_FALSE(outbox_->waiting());
}

// However it comes to the client, or does not: a sum that depends on lag is none.
TEST_F(OutboxTest, AProducersGapIsNoEventWrittenAtOnceCutOrWaiting) {
  const EventPtr event = make_event({"a", 3});
  deliver({gap(1, 2), event});
  EXPECT_EQ(outbox_->delivered(), 1U);
  EXPECT_EQ(metrics_.delivered_bytes.value(), event->frame().size());

  std::vector<EventPtr> bundle;
  for (std::uint64_t seq = 4; seq <= 120; seq += 2) {
    bundle.push_back(gap(seq, seq));
    bundle.push_back(make_event({"a", seq + 1, Overflow::drop_newest, 100}));
  }
  deliver(bundle);
  ASSERT_TRUE(outbox_->waiting()) << "some of it was written, and the rest waits";
  deliver({gap(122, 123), make_event({"a", 124})});
  read_all();
  EXPECT_EQ(outbox_->delivered(), 1U + bundle.size() / 2 + 1U);
  EXPECT_EQ(metrics_.deliveries.value(), outbox_->delivered());
  EXPECT_EQ(outbox_->dropped(), 0U);

  outbox_->refuse_events();
  deliver({gap(125, 126), make_event({"a", 127})});
  EXPECT_EQ(outbox_->dropped(), 1U);
  EXPECT_EQ(drops(DropReason::disconnected), 1U);
}

TEST_F(OutboxTest, AGapForAClientThatIsGoneIsNoEventLost) {
  ::close(theirs_);
  theirs_ = -1;
  deliver({gap(1, 2), make_event({"a", 3})});
  EXPECT_EQ(broken_, 1);
  EXPECT_EQ(drops(DropReason::disconnected), 1U);
}

TEST_F(OutboxTest, AFullSocketLosesNothingAndKeepsTheOrder) {
  std::string expected = fill();
  EXPECT_EQ(blocked_, 1);
  EXPECT_GT(outbox_->queued_bytes(), 0U);
  EXPECT_EQ(metrics_.queue_bytes.value(), outbox_->queued_bytes());
  for (std::uint64_t seq = 1; seq <= 10; ++seq)
    expected.append(sent({"a", seq, Overflow::drop_oldest, 700})->frame());
  outbox_->write("our own");
  expected += "our own";
  EXPECT_EQ(read_all(), expected);
  EXPECT_EQ(outbox_->delivered(), filled_ + 10);
  EXPECT_EQ(metrics_.deliveries.value(), filled_ + 10);
  EXPECT_EQ(metrics_.delivered_bytes.value(), expected.size() - 7U) << "our own is no event";
  EXPECT_DOUBLE_EQ(outbox_->rate(SteadyTime{}), static_cast<double>(filled_ + 10) / 10);
  EXPECT_EQ(outbox_->dropped(), 0U);
  EXPECT_EQ(drained_, 1);
  EXPECT_EQ(metrics_.queue_bytes.value(), 0U);
}

TEST_F(OutboxTest, ABundleThatIsCutGoesOnWhereItWasCut) {
  std::vector<EventPtr> bundle;
  std::string expected;
  for (std::uint64_t seq = 1; seq <= 40; ++seq) {
    bundle.push_back(make_event({"a", seq, Overflow::drop_newest, 450}));
    expected.append(bundle.back()->frame());
  }
  deliver(bundle);
  ASSERT_TRUE(outbox_->waiting());
  EXPECT_EQ(read_all(), expected);
  EXPECT_EQ(outbox_->delivered(), 40U);
  EXPECT_DOUBLE_EQ(outbox_->rate(SteadyTime{}), 4.0);
  EXPECT_EQ(metrics_.delivered_bytes.value(), expected.size());
}

TEST_F(OutboxTest, ABrokenSocketIsSaidOnceAndTakesNothingMore) {
  ::close(theirs_);
  theirs_ = -1;
  sent({"a", 1});
  EXPECT_EQ(broken_, 1);
  sent({"a", 2});
  outbox_->write("x");
  outbox_->flush();
  EXPECT_EQ(broken_, 1);
  EXPECT_EQ(outbox_->delivered(), 0U);
}

TEST_F(OutboxTest, ASocketThatBreaksWhileEventsWaitDropsThem) {
  fill();
  sent({"a", 1});
  const std::uint64_t delivered = outbox_->delivered();
  ::close(theirs_);
  theirs_ = -1;
  outbox_->flush();
  EXPECT_EQ(broken_, 1);
  EXPECT_FALSE(outbox_->waiting());
  EXPECT_EQ(outbox_->queued_bytes(), 0U);
  EXPECT_EQ(outbox_->delivered(), delivered);
  EXPECT_GE(drops(DropReason::disconnected), 1U);
}

TEST_F(OutboxTest, AtTheBoundEventsAreDroppedCountedAndTold) {
  fill();
  for (std::uint64_t seq = 1; seq <= 60; ++seq) sent({"a", seq, Overflow::drop_oldest, 1000});
  EXPECT_LE(outbox_->queued_bytes(), limit);
  const std::uint64_t dropped = outbox_->dropped();
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(drops(DropReason::slow_consumer), dropped);
  EXPECT_THAT(lost_, testing::AllOf(testing::Not(testing::IsEmpty()), testing::Each("a")));
  const std::string all = read_all();
  EXPECT_NE(all.find(R"("topic":"a","src":"s","from":1,"to":)" + std::to_string(dropped)),
            std::string::npos);
  EXPECT_EQ(outbox_->delivered() + dropped, filled_ + 60);
}

TEST_F(OutboxTest, ADisconnectRouteAsksForTheEndOnce) {
  fill();
  for (std::uint64_t seq = 1; seq <= 30; ++seq) sent({"a", seq, Overflow::disconnect, 1000});
  EXPECT_EQ(overflowed_, 1);
  const std::uint64_t delivered = outbox_->delivered();
  outbox_->write("close frame");
  const std::string rest = read_all();
  EXPECT_EQ(rest.substr(rest.size() - 11), "close frame");
  EXPECT_LE(outbox_->delivered(), delivered + 1) << "only what was half out";
  EXPECT_GT(drops(DropReason::slow_consumer), 0U);
  EXPECT_EQ(outbox_->dropped(), drops(DropReason::slow_consumer) + drops(DropReason::disconnected));
  EXPECT_EQ(outbox_->delivered() + outbox_->dropped(), filled_ + 30);
}

TEST_F(OutboxTest, AConflatedTopicKeepsItsNewestAndCountsTheRest) {
  fill();
  for (std::uint64_t seq = 1; seq <= 50; ++seq) sent({"price", seq, Overflow::conflate, 500});
  EXPECT_EQ(metrics_.replaced.value(), 49U);
  EXPECT_EQ(outbox_->dropped(), 0U);
  const std::string all = read_all();
  EXPECT_NE(all.find("s:50"), std::string::npos);
  EXPECT_EQ(all.find("gap"), std::string::npos);
  EXPECT_THAT(outbox_->take_replaced(), ElementsAre(Pair("price", 49U)));
  EXPECT_THAT(outbox_->take_replaced(), IsEmpty());
}

TEST_F(OutboxTest, CorkedWritesLeaveTogetherAndInOrder) {
  outbox_->cork();
  outbox_->write("a");
  outbox_->write("b");
  EXPECT_EQ(read_some(), "");
  outbox_->replay({make_event({"t", 1})});
  outbox_->uncork();
  EXPECT_EQ(read_some(), "ab" + std::string(make_event({"t", 1})->frame()));
  EXPECT_FALSE(outbox_->waiting());
  EXPECT_EQ(outbox_->delivered(), 1U);
}

TEST_F(OutboxTest, EventsOfATurnComeBehindWhatIsCorked) {
  outbox_->cork();
  outbox_->write("answer");
  const EventPtr event = sent({"t", 1});
  outbox_->uncork();
  EXPECT_EQ(read_some(), "answer" + std::string(event->frame()));
}

TEST_F(OutboxTest, DiscardKeepsTheRestOfAFrameThatIsHalfOut) {
  const EventPtr large = sent({"large", 1, Overflow::drop_newest, 15'000});
  ASSERT_TRUE(outbox_->waiting());
  ASSERT_LT(outbox_->queued_bytes(), large->frame().size());
  for (std::uint64_t seq = 1; seq <= 5; ++seq) sent({"a", seq});
  outbox_->discard(DropReason::slow_consumer);
  EXPECT_EQ(outbox_->dropped(), 5U);
  outbox_->write("end");
  EXPECT_EQ(read_all(), std::string(large->frame()) + "end");
  EXPECT_EQ(outbox_->delivered(), 1U);
}

TEST_F(OutboxTest, RefusingEventsStillLetsOurOwnFramesOut) {
  outbox_->refuse_events();
  sent({"a", 1});
  outbox_->write("close");
  EXPECT_EQ(read_some(), "close");
  EXPECT_EQ(outbox_->delivered(), 0U);
}

TEST_F(OutboxTest, IsStalledFromTheBoundUntilTheClientTakesAByte) {
  SteadyTime since{};
  fill();
  EXPECT_FALSE(outbox_->stalled_since(since));
  for (std::uint64_t seq = 1; seq <= 60; ++seq) sent({"a", seq, Overflow::drop_oldest, 1000});
  ASSERT_TRUE(outbox_->stalled_since(since));
  EXPECT_LE(since, std::chrono::steady_clock::now());
  const SteadyTime before = since;
  read_some();
  outbox_->flush();
  EXPECT_FALSE(outbox_->stalled_since(since));
  for (std::uint64_t seq = 61; seq <= 120; ++seq) sent({"a", seq, Overflow::drop_oldest, 1000});
  ASSERT_TRUE(outbox_->stalled_since(since));
  EXPECT_GT(since, before) << "it has taken something since";
}

TEST_F(OutboxTest, WhoTakesALargeEventALittleAtATimeIsNotStalled) {
  sent({"a", 1, Overflow::drop_oldest, 300'000});
  for (std::uint64_t seq = 2; seq <= 60; ++seq) sent({"a", seq, Overflow::drop_oldest, 1000});
  SteadyTime before{};
  ASSERT_TRUE(outbox_->stalled_since(before));
  read_some();
  outbox_->flush();
  ASSERT_EQ(outbox_->delivered(), 0U) << "it has not come to the end of the first";
  SteadyTime since{};
  ASSERT_TRUE(outbox_->stalled_since(since)) << "it is as large as the bound";
  EXPECT_GT(since, before);
}

// As an encrypted one: what was taken leaves a little at a time.
class HoldingWire final : public Wire {
 public:
  HoldingWire() : Wire(-1) {}
  ssize_t write(std::string_view bytes) noexcept override {
    if (held() != 0) return blocked;
    set_held(bytes.size());
    return static_cast<ssize_t>(bytes.size());
  }
  ssize_t write(const iovec* pieces, std::size_t count) noexcept override {
    return count == 0 ? 0 : write({static_cast<const char*>(pieces->iov_base), pieces->iov_len});
  }
  ssize_t flush() noexcept override {
    if (!std::exchange(room, false)) return blocked;
    set_held(held() - 1);
    return 1;
  }
  bool room = false;
};

TEST_F(OutboxTest, WhoTakesWhatIsHeldForItIsNotStalled) {
  HoldingWire wire;
  outbox_->open(&wire);
  for (std::uint64_t seq = 1; seq <= 60; ++seq) sent({"a", seq, Overflow::drop_oldest, 1000});
  SteadyTime before{};
  ASSERT_TRUE(outbox_->stalled_since(before));
  outbox_->flush();
  SteadyTime since{};
  ASSERT_TRUE(outbox_->stalled_since(since));
  EXPECT_EQ(since, before);
  wire.room = true;
  outbox_->flush();
  EXPECT_TRUE(!outbox_->stalled_since(since) || since > before);
  outbox_->shut();
}

TEST_F(OutboxTest, AReloadOfTheBoundHoldsForWhoLagsAlready) {
  fill();
  const auto send_ten = [this] {
    for (int i = 0; i < 10; ++i) sent({"a", ++filled_, Overflow::drop_oldest, 1000});
  };
  send_ten();
  ASSERT_GT(outbox_->queued_bytes(), 10'000U);
  outbox_->set_limit(5'000);
  send_ten();
  EXPECT_LE(outbox_->queued_bytes(), 5'000U);
  const std::uint64_t dropped = outbox_->dropped();
  outbox_->set_limit(100'000);
  for (int i = 0; i < 5; ++i) send_ten();
  EXPECT_EQ(outbox_->dropped(), dropped);
}

TEST_F(OutboxTest, PingsAndPongsGoAheadOfWhatWaits) {
  std::string expected = fill();
  const std::string ping(FrameHeader(Opcode::ping, 0).bytes());
  std::string rest(sent({"a", 1})->frame());
  rest += sent({"a", 2})->frame();
  outbox_->write("\x8A\x01p", true);
  outbox_->write(ping);
  const std::string all = read_all();
  ASSERT_NE(all.find(rest), std::string::npos);
  EXPECT_LT(all.find(ping), all.find(rest));
  EXPECT_LT(all.find("\x8A\x01p"), all.find(rest));
}

// Offered = delivered + dropped + replaced, to whatever end.
TEST_F(OutboxTest, TheEventsOfTheBundleThatOverflowsAreCounted) {
  fill();
  std::vector<EventPtr> bundle;
  for (std::uint64_t seq = 1; seq <= 30; ++seq)
    bundle.push_back(make_event({"a", seq, Overflow::disconnect, 1000}));
  deliver(bundle);
  EXPECT_EQ(overflowed_, 1);
  sent({"a", 31, Overflow::disconnect, 1000});  // comes before the close
  outbox_->shut();
  EXPECT_EQ(outbox_->delivered() + outbox_->dropped(), filled_ + 31);
  EXPECT_EQ(drops(DropReason::slow_consumer) + drops(DropReason::disconnected), outbox_->dropped());
}

TEST_F(OutboxTest, AnEventThatIsHalfOutWhenTheClientLeavesIsLost) {
  sent({"large", 1, Overflow::drop_newest, 15'000});
  ASSERT_TRUE(outbox_->waiting());
  outbox_->shut();
  EXPECT_EQ(outbox_->delivered(), 0U);
  EXPECT_EQ(drops(DropReason::disconnected), 1U);
}

TEST_F(OutboxTest, AnEventForAClientThatIsGoneIsLost) {
  ::close(theirs_);
  theirs_ = -1;
  deliver({make_event({"a", 1}), make_event({"a", 2})});
  EXPECT_EQ(broken_, 1);
  EXPECT_EQ(drops(DropReason::disconnected), 2U);
}

TEST_F(OutboxTest, CountsOfReplacedEventsAreOneATopicHoweverOftenItLags) {
  for (int lag = 1; lag <= 5; ++lag) {
    fill();
    for (std::uint64_t seq = 1; seq <= 3; ++seq) sent({"price", seq, Overflow::conflate, 500});
    read_all();
  }
  EXPECT_THAT(outbox_->take_replaced(), ElementsAre(Pair("price", 10U)));
}

TEST_F(OutboxTest, CountsOfVeryManyTopicsAreHandedOver) {
  for (int topic = 0; topic < 1100; ++topic) {
    fill();
    for (std::uint64_t seq = 1; seq <= 2; ++seq)
      sent({"t" + std::to_string(topic), seq, Overflow::conflate, 500});
    read_all();
  }
  EXPECT_GT(handed_over_, 1024U);
  EXPECT_EQ(handed_over_ + outbox_->take_replaced().size(), 1100U);
}

}  // namespace
}  // namespace zws
