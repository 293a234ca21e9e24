// What was each second, and how it is told.
#include "api/samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zws {
namespace {

using testing::HasSubstr;

WallTime at(int second) { return WallTime(std::chrono::seconds(second)); }

TEST(SamplesTest, ASampleIsWhatHappenedSinceTheOneBefore) {
  Metrics metrics(2);
  metrics.ingest.taken.add(100);
  SampleSource source(metrics);
  metrics.ingest.taken.add(5);
  metrics.lane(0).deliveries.add(2);
  metrics.lane(1).deliveries.add(3);
  metrics.lane(1).dropped[0].add(4);
  metrics.ingest.history_bytes.set(12);
  metrics.lane(0).queue_bytes.set(7);
  metrics.lane(1).queue_bytes.set(7);
  const Sample first = source.next(at(1000), 24, 4);
  EXPECT_EQ(first.time, 1000U);
  EXPECT_EQ(first.events, 5U) << "what was before it began is no news";
  EXPECT_EQ(first.deliveries, 5U);
  EXPECT_EQ(first.dropped[0], 4U);
  EXPECT_EQ(first.connections, 24U);
  EXPECT_EQ(first.users, 4U);
  EXPECT_EQ(first.history_bytes, 12U);
  EXPECT_EQ(first.queue_bytes, 14U);
  EXPECT_GT(first.resident_bytes, 0U);
  const Sample second = source.next(at(1001), 24, 4);
  EXPECT_EQ(second.events, 0U);
  EXPECT_EQ(second.dropped[0], 0U);
  EXPECT_EQ(second.queue_bytes, 14U);
}

// Each counter has a number of its own, before the source and again behind it.
TEST(SamplesTest, EachFigureIsOfItsOwnCounter) {
  Metrics metrics(2);
  const auto count = [&metrics] {
    metrics.ingest.rejected[1].add(30);
    metrics.ingest.rejected[9].add(1);
    metrics.ingest.gaps.add(32);
    for (std::size_t lane = 0; lane < 2; ++lane) {
      metrics.lane(lane).replaced.add(20);
      metrics.lane(lane).closed[2].add(3);
      metrics.lane(lane).closed[5].add(7);
      metrics.lane(lane).delivered_bytes.add(1'000);
      for (std::size_t reason = 0; reason < 3; ++reason)
        metrics.lane(lane).dropped[reason].add(100 + reason);
    }
  };
  count();
  SampleSource source(metrics);
  count();
  metrics.lane(0).subscriptions.set(4);
  metrics.lane(1).subscriptions.set(5);
  metrics.ingest.producers.set(6);
  Sample sample = source.next(at(1), 11, 12);
  EXPECT_EQ(sample.rejected, 31U);
  EXPECT_EQ(sample.missed, 32U);
  EXPECT_EQ(sample.replaced, 40U);
  EXPECT_EQ(sample.closed, 20U);
  EXPECT_EQ(sample.delivered_bytes, 2'000U);
  sample.resident_bytes = 99;
  EXPECT_EQ(
      sample_json(sample),
      R"({"time":1,"events":30,"rejected":31,"missed":32,"deliveries":0,"delivered_bytes":2000,)"
      R"("replaced":40,"dropped_slow_consumer":200,"dropped_lane_overload":202,)"
      R"("dropped_disconnected":204,"closed":20,"connections":11,"users":12,"subscriptions":9,)"
      R"("topics":0,"producers":6,"queue_bytes":0,"history_bytes":0,"resident_bytes":99})");
}

TEST(SamplesTest, AnHourIsKeptAndNoMore) {
  Samples samples;
  for (std::uint32_t second = 1; second <= 4000; ++second) {
    Sample sample;
    sample.time = second;
    samples.add(sample);
  }
  const std::vector<Sample> all = samples.after(0);
  ASSERT_EQ(all.size(), 3600U);
  EXPECT_EQ(all.front().time, 401U);
  EXPECT_EQ(all.back().time, 4000U);
  const std::vector<Sample> last = samples.after(3998);
  ASSERT_EQ(last.size(), 2U);
  EXPECT_EQ(last.front().time, 3999U);
}

TEST(SamplesTest, ManyAreListsOfTheSameLength) {
  Sample one;
  one.time = 7;
  one.events = 3;
  Sample other;
  other.time = 8;
  EXPECT_EQ(samples_json({}).substr(0, 23), R"({"time":[],"events":[],)");
  EXPECT_EQ(samples_json({one, other}).substr(0, 29), R"({"time":[7,8],"events":[3,0],)");
  EXPECT_THAT(sample_json(one), HasSubstr(R"("time":7,"events":3,)"));
}

}  // namespace
}  // namespace zws
