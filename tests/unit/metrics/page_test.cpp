#include <gmock/gmock.h>

#include <initializer_list>
#include <string>

#include "metrics/metrics.hpp"
#include "metrics/prometheus.hpp"

namespace zws {
namespace {

using testing::HasSubstr;
using testing::Not;

template <typename Counters>
void number_from(Counters& counters, std::uint64_t first) {
  for (Counter& counter : counters) counter.add(first++);
}

// The page tells `names`, in this order, as first, first + 1, ...
void expect_numbered(const std::string& page, const std::string& metric, const std::string& label,
                     std::initializer_list<const char*> names, std::uint64_t first) {
  for (const char* name : names) {
    EXPECT_THAT(page, HasSubstr("\n" + metric + "{" + label + "=\"" + name + "\"} " +
                                std::to_string(first++) + "\n"));
  }
}

TEST(PageTest, EachLabelTellsTheCounterThatBearsItsName) {
  Metrics metrics(1);
  number_from(metrics.ingest.rejected, 101);
  number_from(metrics.ingest.producers_refused, 201);
  number_from(metrics.lane(0).dropped, 301);
  number_from(metrics.lane(0).handshakes, 401);
  number_from(metrics.lane(0).closed, 501);
  number_from(metrics.lane(0).refusals, 600);  // the first is `none`, which is no refusal
  number_from(metrics.lane(0).http_responses, 701);
  const std::string page = prometheus_text(metrics);

  expect_numbered(page, "zws_ingest_rejected_total", "reason",
                  {"no_payload", "topic_empty", "topic_too_long", "topic_not_utf8", "topic_control",
                   "topic_wildcard", "topic_reserved", "commands_off", "too_big", "duplicate"},
                  101);
  expect_numbered(page, "zws_producers_refused_total", "reason",
                  {"no_curve", "unlisted_key", "wrong_key", "broken_off", "protocol", "too_big",
                   "too_many", "wrong_type"},
                  201);
  expect_numbered(page, "zws_dropped_total", "reason",
                  {"slow_consumer", "lane_overload", "disconnected"}, 301);
  expect_numbered(page, "zws_handshakes_total", "result",
                  {"accepted", "bad_request", "not_found", "forbidden_host", "forbidden_origin",
                   "full", "full_for_address", "too_many_failures", "timeout", "tls_failed"},
                  401);
  expect_numbered(page, "zws_closed_total", "code",
                  {"1000", "1001", "1002", "1003", "1005", "1006", "1007", "1009", "1012", "1013",
                   "4400", "4401", "4403", "4408", "4410", "4429", "1011", "other"},
                  501);
  expect_numbered(page, "zws_refusals_total", "code",
                  {"invalid_json", "invalid_message", "unknown_type", "invalid_topic", "forbidden",
                   "unauthorized", "invalid_token", "token_expired", "limit_exceeded",
                   "rate_limited", "internal"},
                  601);
  expect_numbered(page, "zws_http_responses_total", "code",
                  {"200", "204", "304", "400", "401", "403", "404", "405", "411", "413", "415",
                   "429", "503", "other"},
                  701);
}

TEST(PageTest, PlainNumbersAreTheirOwn) {
  Metrics metrics(1);
  metrics.ingest.taken.add(11);
  metrics.ingest.header_ignored.add(12);
  metrics.ingest.gaps.add(13);
  metrics.ingest.resets.add(14);
  metrics.ingest.producers.set(15);
  metrics.ingest.producers_connected.add(16);
  metrics.ingest.producers_lost.add(17);
  LaneMetrics& lane = metrics.lane(0);
  lane.connections.set(21);
  lane.subscriptions.set(22);
  lane.topics.set(20);
  lane.patterns.set(3);
  lane.deliveries.add(24);
  lane.delivered_bytes.add(25);
  lane.replaced.add(26);
  lane.queue_bytes.set(27);
  metrics.ingest.history_bytes.set(28);
  const std::string page = prometheus_text(metrics);
  for (const char* line : {
           "zws_events_received_total 11",
           "zws_ingest_header_ignored_total 12",
           "zws_ingest_gaps_total 13",
           "zws_ingest_resets_total 14",
           "zws_producers 15",
           "zws_producers_connected_total 16",
           "zws_producers_lost_total 17",
           "zws_connections 21",
           "zws_subscriptions 22",
           "zws_topics 23",
           "zws_deliveries_total 24",
           "zws_delivered_bytes_total 25",
           "zws_replaced_total 26",
           "zws_queue_bytes 27",
           "zws_history_bytes 28",
           "zws_config_last_reload_successful 1",
           "zws_jwks_last_fetch_successful 1",
           "zws_jwks_last_success_timestamp_seconds 0",
       }) {
    EXPECT_THAT(page, HasSubstr("\n" + std::string(line) + "\n"));
  }
}

TEST(PageTest, ABridgeOfAFleetTellsOfItAndOneAloneDoesNot) {
  Metrics metrics(1);
  RelayMetrics& relay = metrics.relay;
  relay.up.set(1);
  relay.calls_sent.add(31);
  relay.calls_received.add(32);
  relay.calls_refused.add(33);
  relay.lag_ms.set(1500);
  relay.written.add(34);
  relay.unwritten.add(35);
  relay.waiting_bytes.set(36);
  relay.topics_read.add(37);
  relay.unreadable.add(38);
  const std::string page = prometheus_text(metrics, true);
  for (const char* line : {
           "zws_relay_up 1",
           "zws_relay_calls_total{what=\"sent\"} 31",
           "zws_relay_calls_total{what=\"received\"} 32",
           "zws_relay_calls_total{what=\"refused\"} 33",
           "zws_relay_lag_seconds 1.5",
           "zws_relay_written_total 34",
           "zws_relay_unwritten_total 35",
           "zws_relay_waiting_bytes 36",
           "zws_relay_topics_read_total 37",
           "zws_relay_unreadable_total 38",
       }) {
    EXPECT_THAT(page, HasSubstr("\n" + std::string(line) + "\n"));
  }
  EXPECT_THAT(prometheus_text(metrics, false), Not(HasSubstr("zws_relay")));
}

TEST(PageTest, WhatHasNoLabelOrAnotherIsToldToo) {
  Metrics metrics(1);
  number_from(metrics.ingest.endpoints, 1);
  number_from(metrics.ingest.repair_failed, 11);
  metrics.ingest.sources_forgotten.add(21);
  metrics.ingest.repaired.add(22);
  metrics.lane(0).closed_for_memory.add(23);
  metrics.memory_limit.set(24);
  metrics.tls_not_after.set(25);
  metrics.reload_failed.set(1);
  metrics.jwks_failed.set(1);
  metrics.jwks_fetched.set(26);
  const std::string page = prometheus_text(metrics);

  expect_numbered(page, "zws_ingest_endpoints", "state", {"connected", "connecting", "unresolved"},
                  1);
  expect_numbered(page, "zws_repair_failed_total", "reason",
                  {"gone", "unanswered", "no_room", "unasked"}, 11);
  for (const char* line : {
           "zws_sources_forgotten_total 21",
           "zws_repaired_total 22",
           "zws_closed_for_memory_total 23",
           "zws_memory_limit_bytes 24",
           "zws_tls_certificate_not_after 25",
           "zws_config_last_reload_successful 0",
           "zws_jwks_last_fetch_successful 0",
           "zws_jwks_last_success_timestamp_seconds 26",
       }) {
    EXPECT_THAT(page, HasSubstr("\n" + std::string(line) + "\n"));
  }
}

}  // namespace
}  // namespace zws
