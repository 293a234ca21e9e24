// Intake: one order for all lanes, numbers where there are none, losses of producers told.
#include "exchange/intake.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/position.hpp"
#include "support/events.hpp"

namespace zws {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Lane final : BatchSink {
  void post(BatchPtr batch) noexcept override { batches.push_back(std::move(batch)); }
  std::vector<BatchPtr> batches;
};

struct StillClock final : Clock {
  SteadyTime steady() const noexcept override { return SteadyTime{std::chrono::hours(1)}; }
  WallTime wall() const noexcept override { return WallTime{std::chrono::seconds(1'700'000'000)}; }
};

class IntakeTest : public ::testing::Test {
 protected:
  static Arrival arrival(std::string_view topic, std::string_view source = {},
                         std::uint64_t seq = 0, std::int64_t sent_ns = 0) {
    Arrival made;
    made.topic = topic;
    made.payload = "1";
    made.source = source;
    made.seq = seq;
    made.sent_ns = sent_ns;
    return made;
  }
  void accept(const std::vector<Arrival>& arrivals) {
    intake_.accept(arrivals.data(), arrivals.size());
  }
  // What the last batch brought.
  std::vector<std::string> last() const {
    std::vector<std::string> names;
    for (const EventPtr& event : first_.batches.back()->events) names.push_back(name_of(*event));
    return names;
  }
  std::uint64_t duplicates() {
    return metrics_.ingest.rejected[static_cast<std::size_t>(RejectReason::duplicate)].value();
  }

  StillClock clock_;
  Lane first_;
  Lane second_;
  Metrics metrics_{2};
  Ledger ledger_;
  Intake intake_{std::make_shared<const Config>(), {&first_, &second_}, ledger_, metrics_, clock_};
};

TEST_F(IntakeTest, EveryLaneGetsTheSameBatch) {
  accept({arrival("a", "s", 1), arrival("b", "s", 1), arrival("a", "s", 2)});
  EXPECT_THAT(last(), ElementsAre("a s:1", "b s:1", "a s:2"));
  EXPECT_EQ(first_.batches, second_.batches);
  std::size_t bytes = 0;
  for (const EventPtr& event : first_.batches[0]->events) bytes += event->frame().size();
  EXPECT_EQ(first_.batches[0]->frame_bytes, bytes);
  EXPECT_EQ(first_.batches[0]->events[0]->received(), clock_.steady());
  EXPECT_EQ(metrics_.ingest.received(), 3U);
}

TEST_F(IntakeTest, HeaderlessEventsAreNumberedUnderTheBridgesOwnName) {
  accept({arrival("a"), arrival("a"), arrival("b")});
  const auto& events = first_.batches[0]->events;
  EXPECT_TRUE(is_source(events[0]->source()));
  EXPECT_EQ(events[0]->seq(), 1U);
  EXPECT_EQ(events[1]->seq(), 2U);
  EXPECT_EQ(events[2]->seq(), 1U);
  EXPECT_EQ(events[1]->source(), events[0]->source());
}

TEST_F(IntakeTest, AnotherBridgeHasAnotherName) {
  Lane lane;
  Intake other(std::make_shared<const Config>(), {&lane}, ledger_, metrics_, clock_);
  const Arrival one = arrival("a");
  other.accept(&one, 1);
  accept({one});
  EXPECT_NE(lane.batches[0]->events[0]->source(), first_.batches[0]->events[0]->source());
}

TEST_F(IntakeTest, DuplicatesGoAndAreCounted) {
  accept({arrival("a", "s", 1), arrival("a", "s", 1), arrival("a", "s", 2)});
  EXPECT_THAT(last(), ElementsAre("a s:1", "a s:2"));
  EXPECT_EQ(duplicates(), 1U);
  accept({arrival("a", "s", 2)});
  EXPECT_EQ(first_.batches.size(), 1U) << "nothing is left to post";
}

TEST_F(IntakeTest, AJumpIsToldBeforeTheEventThatShowsIt) {
  accept({arrival("a", "s", 1), arrival("a", "s", 5)});
  EXPECT_THAT(last(), ElementsAre("a s:1", "a s:2-4 missing", "a s:5"));
  EXPECT_NE(first_.batches[0]->events[1]->frame().find(R"("missed":3,"reason":"producer")"),
            std::string_view::npos);
  EXPECT_EQ(metrics_.ingest.gaps.value(), 1U);
}

TEST_F(IntakeTest, EventsOfAllTopicsAreNumberedAsTheyArrive) {
  accept({arrival("a", "s", 1), arrival("b", "s", 1)});
  accept({arrival("a", "s", 5)});
  std::uint64_t before = 0;
  for (const BatchPtr& batch : first_.batches) {
    for (const EventPtr& event : batch->events) {
      if (event->is_gap()) continue;
      EXPECT_GT(event->arrival(), before);
      before = event->arrival();
    }
  }
}

TEST_F(IntakeTest, ARestartIsMarked) {
  accept({arrival("a", "s", 3, 100), arrival("a", "s", 1, 200)});
  EXPECT_FALSE(first_.batches[0]->events[0]->restart());
  EXPECT_TRUE(first_.batches[0]->events[1]->restart());
}

TEST_F(IntakeTest, DuplicatesAndForgottenSourcesAreLogged) {
  ::testing::internal::CaptureStderr();
  accept({arrival("a", "s", 1), arrival("a", "s", 1)});
  for (int i = 0; i < 70; ++i) accept({arrival("b", "source-" + std::to_string(i), 1)});
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("dropped an event on topic \"a\": event 1 of source s"), std::string::npos)
      << said;
  const std::string_view forgotten = "topic \"b\" has more sources than limits.sources_per_topic";
  EXPECT_NE(said.find(forgotten), std::string::npos) << said;
  EXPECT_EQ(said.find(forgotten), said.rfind(forgotten)) << "once a topic";
  EXPECT_EQ(metrics_.ingest.sources_forgotten.value(), 70U - 64U);
}

TEST_F(IntakeTest, ARestartWhoseFirstEventsWereLostTellsThem) {
  accept({arrival("a", "s", 90, 100), arrival("a", "s", 2, 200), arrival("a", "s", 3, 300),
          arrival("a", "s", 4, 400)});
  EXPECT_THAT(last(), ElementsAre("a s:90", "a s:1-3 missing", "a s:4"));
  EXPECT_TRUE(first_.batches[0]->events[2]->restart());
  EXPECT_EQ(duplicates(), 2U);
}

TEST_F(IntakeTest, TheArrivalsTimeStandsWhereTheProducerGaveNone) {
  accept({arrival("a")});
  EXPECT_NE(first_.batches[0]->events[0]->frame().find(R"("timestamp":"2023-11-14T22:13:20.000Z")"),
            std::string_view::npos);
}

TEST_F(IntakeTest, PublishTellsIdsAndRecipientsOnceAllLanesHaveDelivered) {
  std::vector<Published> told;
  intake_.publish({{"a", R"({"type":"x"})"}, {"@user/ada", "2"}},
                  [&](Published published) { told.push_back(std::move(published)); });
  ASSERT_EQ(first_.batches.size(), 1U);
  const Batch& batch = *first_.batches[0];
  ASSERT_EQ(batch.events.size(), 2U);
  ASSERT_TRUE(batch.receipt);
  batch.receipt->add(3);
  EXPECT_THAT(told, IsEmpty());
  batch.receipt->add(4);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].recipients, 7U);
  const auto id_of = [](const Event& event) {
    return Position{std::string(event.source()), event.seq()}.text();
  };
  EXPECT_THAT(told[0].ids, ElementsAre(id_of(*batch.events[0]), id_of(*batch.events[1])));
}

TEST_F(IntakeTest, PublishingNothingStillAnswers) {
  int answers = 0;
  intake_.publish({}, [&](const Published& published) {
    ++answers;
    EXPECT_EQ(published.recipients, 0U);
  });
  for (const Lane* lane : {&first_, &second_}) lane->batches.at(0)->receipt->add(0);
  EXPECT_EQ(answers, 1);
}

TEST_F(IntakeTest, RoutesHoldFromTheNextEventOn) {
  auto config = std::make_shared<Config>();
  config->routes.emplace_back();
  config->routes.back().match = "a*";
  config->routes.back().format = EventFormat::raw;
  config->routes.back().overflow = Overflow::conflate;
  accept({arrival("a")});
  intake_.reload(config);
  accept({arrival("a"), arrival("b")});
  EXPECT_FALSE(first_.batches[0]->events[0]->raw());
  EXPECT_EQ(first_.batches[1]->events[0]->frame(),
            "\x82\x01"
            "1")
      << "binary";
  EXPECT_EQ(first_.batches[1]->events[0]->overflow(), Overflow::conflate);
  EXPECT_EQ(first_.batches[1]->events[1]->overflow(), Overflow::drop_oldest);
  EXPECT_EQ(first_.batches[1]->events[0]->seq(), 2U) << "numbers go on";
}

}  // namespace
}  // namespace zws
