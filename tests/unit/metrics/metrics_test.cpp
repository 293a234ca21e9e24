// What is counted is what a scrape says: each number under its own name and label.
#include "metrics/metrics.hpp"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/prometheus.hpp"

namespace zws {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The page's samples: name with labels -> value, as written.
std::map<std::string, std::string> samples(const Metrics& metrics) {
  std::map<std::string, std::string> found;
  const std::string page = prometheus_text(metrics);
  for (std::size_t begin = 0; begin < page.size();) {
    const std::size_t end = page.find('\n', begin);
    const std::string line = page.substr(begin, end - begin);
    const std::size_t space = line.rfind(' ');
    if (!line.empty() && line[0] != '#') found[line.substr(0, space)] = line.substr(space + 1);
    begin = end == std::string::npos ? page.size() : end + 1;
  }
  return found;
}

// The values of `name` by its only label, in the page's order.
std::vector<std::string> in_order(const Metrics& metrics, std::string_view name) {
  std::vector<std::string> found;
  const std::string page = prometheus_text(metrics);
  const std::string start = "\n" + std::string(name) + "{";
  for (std::size_t at = page.find(start); at != std::string::npos; at = page.find(start, at + 1)) {
    const std::size_t from = page.find('"', at) + 1;
    const std::size_t to = page.find('"', from);
    const std::size_t end = page.find('\n', to);
    found.push_back(page.substr(from, to - from) + page.substr(to + 2, end - to - 2));
  }
  return found;
}

TEST(CounterTest, AddsTakesAndIsSet) {
  Counter counter;
  counter.add();
  counter.add(41);
  EXPECT_EQ(counter.value(), 42U);
  counter.sub(40);
  EXPECT_EQ(counter.value(), 2U);
  counter.set(7);
  EXPECT_EQ(counter.value(), 7U);
}

TEST(LatencyHistogramTest, EachBoundBelongsToTheBucketThatEndsThere) {
  LatencyHistogram histogram;
  histogram.observe(0, 1);
  histogram.observe(16'000, 1);
  histogram.observe(16'001, 1);
  histogram.observe(32'000, 1);
  histogram.observe(32'001, 1);
  EXPECT_EQ(histogram.counts[0].value(), 2U);
  EXPECT_EQ(histogram.counts[1].value(), 2U);
  EXPECT_EQ(histogram.counts[2].value(), 1U);
}

TEST(LatencyHistogramTest, WhatIsOverTheLastBoundIsInTheLastBucket) {
  LatencyHistogram histogram;
  histogram.observe(16'000LL << 18, 1);
  histogram.observe((16'000LL << 18) + 1, 1);
  histogram.observe(3'600'000'000'000, 1);
  EXPECT_EQ(histogram.counts[LatencyHistogram::buckets - 2].value(), 1U);
  EXPECT_EQ(histogram.counts[LatencyHistogram::buckets - 1].value(), 2U);
}

TEST(LatencyHistogramTest, TheSumIsOfAllTimesAndAClockThatWentBackAddsNothing) {
  LatencyHistogram histogram;
  histogram.observe(1'000'000, 3);
  histogram.observe(500, 2);
  histogram.observe(-5, 4);
  EXPECT_EQ(histogram.sum_ns.value(), 3'001'000U);
  EXPECT_EQ(histogram.counts[0].value(), 6U);
}

TEST(PrometheusTest, TheHistogramIsTheSumOfTheLanes) {
  Metrics metrics(2);
  metrics.lane(0).latency.observe(20'000, 3);          // within 32 us
  metrics.lane(1).latency.observe(1'500'000'000, 2);   // within 2.1 s
  metrics.lane(1).latency.observe(60'000'000'000, 1);  // beyond all
  auto page = samples(metrics);
  const std::string bucket = "zws_event_latency_seconds_bucket";
  EXPECT_EQ(page[bucket + R"({le="1.6e-05"})"], "0");
  EXPECT_EQ(page[bucket + R"({le="3.2e-05"})"], "3");
  EXPECT_EQ(page[bucket + R"({le="1.048576"})"], "3");
  EXPECT_EQ(page[bucket + R"({le="2.097152"})"], "5");
  EXPECT_EQ(page[bucket + R"({le="+Inf"})"], "6");
  EXPECT_EQ(page["zws_event_latency_seconds_count"], "6");
  EXPECT_NEAR(std::stod(page["zws_event_latency_seconds_sum"]), 63.00006, 1e-9);
}

TEST(PrometheusTest, EachReasonToRejectHasItsOwnLabel) {
  Metrics metrics(1);
  for (std::size_t i = 0; i < metrics.ingest.rejected.size(); ++i)
    metrics.ingest.rejected[i].add(i + 1);
  EXPECT_THAT(in_order(metrics, "zws_ingest_rejected_total"),
              ElementsAre("no_payload 1", "topic_empty 2", "topic_too_long 3", "topic_not_utf8 4",
                          "topic_control 5", "topic_wildcard 6", "topic_reserved 7",
                          "commands_off 8", "too_big 9", "duplicate 10"));
}

// What `enum class` a label stands for: a name at another place would count under another's.
TEST(PrometheusTest, TheLabelsStandForTheirReasons) {
  Metrics metrics(1);
  const auto rejected = [&](RejectReason reason) {
    metrics.ingest.rejected[static_cast<std::size_t>(reason)].add();
  };
  rejected(RejectReason::topic_empty);
  rejected(RejectReason::topic_too_long);
  rejected(RejectReason::topic_too_long);
  metrics.ingest.producers_refused[static_cast<std::size_t>(RefuseReason::unlisted_key)].add(3);
  metrics.lane(0).dropped[static_cast<std::size_t>(DropReason::lane_overload)].add(4);
  metrics.lane(0).handshakes[static_cast<std::size_t>(HandshakeResult::full_for_address)].add(5);
  auto page = samples(metrics);
  EXPECT_EQ(page[R"(zws_ingest_rejected_total{reason="topic_empty"})"], "1");
  EXPECT_EQ(page[R"(zws_ingest_rejected_total{reason="topic_too_long"})"], "2");
  EXPECT_EQ(page[R"(zws_producers_refused_total{reason="unlisted_key"})"], "3");
  EXPECT_EQ(page[R"(zws_dropped_total{reason="lane_overload"})"], "4");
  EXPECT_EQ(page[R"(zws_handshakes_total{result="full_for_address"})"], "5");
}

TEST(PrometheusTest, ACloseCodeOrAStatusThatIsNotListedCountsAsOther) {
  Metrics metrics(2);
  metrics.lane(0).count_closed(4410);
  metrics.lane(1).count_closed(4410);
  metrics.lane(1).count_closed(4999);
  metrics.lane(0).count_http_response(429);
  metrics.lane(1).count_http_response(418);
  auto page = samples(metrics);
  EXPECT_EQ(page[R"(zws_closed_total{code="4410"})"], "2");
  EXPECT_EQ(page[R"(zws_closed_total{code="other"})"], "1");
  EXPECT_EQ(page[R"(zws_closed_total{code="1000"})"], "0");
  EXPECT_EQ(page[R"(zws_http_responses_total{code="429"})"], "1");
  EXPECT_EQ(page[R"(zws_http_responses_total{code="other"})"], "1");
}

TEST(PrometheusTest, ARefusalIsCountedUnderItsCode) {
  Metrics metrics(1);
  metrics.lane(0).count_refusal(ErrorCode::forbidden);
  auto page = samples(metrics);
  EXPECT_EQ(page[R"(zws_refusals_total{code="forbidden"})"], "1");
  EXPECT_EQ(page[R"(zws_refusals_total{code="rate_limited"})"], "0");
}

// A duplicate was taken before it was known as one; what was rejected otherwise never was.
TEST(PrometheusTest, ReceivedIsWhatWasTakenAndWhatWasRejectedOnce) {
  Metrics metrics(1);
  metrics.ingest.taken.add(10);
  metrics.ingest.rejected[static_cast<std::size_t>(RejectReason::duplicate)].add(4);
  metrics.ingest.rejected[static_cast<std::size_t>(RejectReason::too_big)].add(3);
  EXPECT_EQ(samples(metrics)["zws_events_received_total"], "13");
}

TEST(PrometheusTest, WhatTheLanesCountIsAddedUp) {
  Metrics metrics(3);
  for (std::size_t i = 0; i < 3; ++i) {
    metrics.lane(i).connections.add(i + 1);
    metrics.lane(i).deliveries.add(10);
  }
  metrics.ingest.producers_lost.add(2);
  auto page = samples(metrics);
  EXPECT_EQ(page["zws_connections"], "6");
  EXPECT_EQ(page["zws_deliveries_total"], "30");
  EXPECT_EQ(page["zws_producers_lost_total"], "2");
  EXPECT_EQ(page["zws_config_last_reload_successful"], "1");
}

TEST(PrometheusTest, TheEndOfTheCertificateIsWrittenToTheSecond) {
  Metrics metrics(1);
  EXPECT_EQ(samples(metrics)["zws_tls_certificate_not_after"], "0");
  metrics.tls_not_after.set(1'795'132'801);
  EXPECT_EQ(samples(metrics)["zws_tls_certificate_not_after"], "1795132801");
}

TEST(PrometheusTest, EveryFamilyIsExplained) {
  const std::string page = prometheus_text(Metrics(1));
  EXPECT_THAT(page, HasSubstr("# HELP zws_connections "));
  EXPECT_THAT(page, HasSubstr("# TYPE zws_event_latency_seconds histogram"));
}

}  // namespace
}  // namespace zws
