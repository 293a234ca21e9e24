#include "metrics/prometheus.hpp"

#include <fcntl.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <limits>
#include <string_view>

#include "core/log.hpp"
#include "core/version.hpp"

namespace zws {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Before main, which is as near as a program comes to its own start without /proc/stat, which the
// unit of systemd hides.
const auto started = std::chrono::system_clock::now();

constexpr std::array<std::string_view, static_cast<std::size_t>(RejectReason::count_)> reject_names{
    "no_payload",     "topic_empty",    "topic_too_long", "topic_not_utf8", "topic_control",
    "topic_wildcard", "topic_reserved", "commands_off",   "too_big",        "duplicate"};
constexpr std::array<std::string_view, static_cast<std::size_t>(RefuseReason::count_)> refuse_names{
    "no_curve", "unlisted_key", "wrong_key", "broken_off",
    "protocol", "too_big",      "too_many",  "wrong_type"};
constexpr std::array<std::string_view, static_cast<std::size_t>(RepairFailure::count_)>
    repair_failure_names{"gone", "unanswered", "no_room", "unasked"};
constexpr std::array<std::string_view, static_cast<std::size_t>(EndpointState::count_)>
    endpoint_names{"connected", "connecting", "unresolved"};
constexpr std::array<std::string_view, static_cast<std::size_t>(DropReason::count_)> drop_names{
    "slow_consumer", "lane_overload", "disconnected"};
constexpr std::array<std::string_view, static_cast<std::size_t>(HandshakeResult::count_)>
    handshake_names{"accepted",         "bad_request", "not_found",        "forbidden_host",
                    "forbidden_origin", "full",        "full_for_address", "too_many_failures",
                    "timeout",          "tls_failed",  "short_of_memory",  "draining"};

// The labels of a list of numbers that ends with "other".
template <std::size_t size>
std::array<std::string, size> labels(const std::array<std::uint16_t, size>& numbers) {
  std::array<std::string, size> names;
  for (std::size_t i = 0; i < size; ++i)
    names[i] = numbers[i] == 0 ? "other" : std::to_string(numbers[i]);
  return names;
}

constexpr auto refusal_names = [] {
  std::array<std::string_view, error_code_names.size() - 1> names{};  // none is no refusal
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = error_code_names[i + 1];
  return names;
}();

class Page {
 public:
  MetricFamily& family(std::string_view name, std::string_view help, MetricType type) {
    families_.push_back({std::string(name), std::string(help), type, {}});
    return families_.back();
  }

  void gauge(std::string_view name, std::string_view help, double value) {
    ClientMetric metric;
    metric.gauge.value = value;
    family(name, help, MetricType::Gauge).metric.push_back(metric);
  }

  void counter(std::string_view name, std::string_view help, double value) {
    ClientMetric metric;
    metric.counter.value = value;
    family(name, help, MetricType::Counter).metric.push_back(metric);
  }

  // One for each name under `label`.
  template <typename Names, typename ValueOf>
  void gauges(std::string_view name, std::string_view help, const char* label, const Names& names,
              ValueOf&& value_of) {
    series(name, help, label, names, MetricType::Gauge, [&](ClientMetric& metric, std::size_t i) {
      metric.gauge.value = static_cast<double>(value_of(i));
    });
  }

  template <typename Names, typename ValueOf>
  void counters(std::string_view name, std::string_view help, const char* label, const Names& names,
                ValueOf&& value_of) {
    series(name, help, label, names, MetricType::Counter, [&](ClientMetric& metric, std::size_t i) {
      metric.counter.value = static_cast<double>(value_of(i));
    });
  }

  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  template <class Names, class Set>
  void series(std::string_view name, std::string_view help, const char* label, const Names& names,
              MetricType type, Set&& set) {
    MetricFamily& made = family(name, help, type);
    for (std::size_t i = 0; i < names.size(); ++i) {
      ClientMetric metric;
      metric.label = {{label, std::string(names[i])}};
      set(metric, i);
      made.metric.push_back(metric);
    }
  }

  std::vector<MetricFamily> families_;
};

// The sum of one counter over all lanes.
template <typename Pick>
std::uint64_t sum(const Metrics& metrics, Pick&& pick) {
  std::uint64_t total = 0;
  for (const auto& lane : metrics.lanes()) total += pick(*lane).value();
  return total;
}

void add_latency(Page& page, const Metrics& metrics) {
  ClientMetric metric;
  std::uint64_t count = 0;
  double sum_seconds = 0;
  for (std::size_t i = 0; i < LatencyHistogram::buckets; ++i) {
    count += sum(metrics,
                 [i](const LaneMetrics& lane) -> const Counter& { return lane.latency.counts[i]; });
    ClientMetric::Bucket bucket;
    bucket.cumulative_count = count;
    bucket.upper_bound = i + 1 == LatencyHistogram::buckets
                             ? std::numeric_limits<double>::infinity()
                             : LatencyHistogram::bound_seconds(i);
    metric.histogram.bucket.push_back(bucket);
  }
  for (const auto& lane : metrics.lanes())
    sum_seconds += static_cast<double>(lane->latency.sum_ns.value()) * 1e-9;
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = sum_seconds;
  page.family("zws_event_latency_seconds",
              "From received from ZeroMQ to handed to the socket layer, once an event and lane",
              MetricType::Histogram)
      .metric.push_back(metric);
}

// Linux counts them in the size of the folder, since 6.2. Before, each place of the table is asked: that
// is twenty times as quick as to list the folder, which held up a lane with many connections.
std::size_t open_descriptors() {
  struct stat folder {};
  if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0)
    return static_cast<std::size_t>(folder.st_size);
  int places = 0;
  if (std::FILE* file = std::fopen("/proc/self/status", "re")) {
    std::array<char, 256> line{};
    while (places == 0 && std::fgets(line.data(), line.size(), file) != nullptr)
      if (std::sscanf(line.data(), "FDSize: %d", &places) != 1) places = 0;
    std::fclose(file);
  }
  std::size_t open = 0;
  for (int descriptor = 0; descriptor < places; ++descriptor)
    open += ::fcntl(descriptor, F_GETFD) >= 0 ? 1 : 0;
  return open;
}

void add_process(Page& page) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  page.counter("process_cpu_seconds_total", "User and system CPU time spent",
               seconds(usage.ru_utime) + seconds(usage.ru_stime));

  std::size_t pages_total = 0;
  std::size_t pages_resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%zu %zu", &pages_total, &pages_resident) != 2) pages_resident = 0;
    std::fclose(file);
  }
  const auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
  page.gauge("process_resident_memory_bytes", "Resident memory",
             static_cast<double>(pages_resident) * page_bytes);
  page.gauge("process_virtual_memory_bytes", "Virtual memory",
             static_cast<double>(pages_total) * page_bytes);

  page.gauge("process_open_fds", "Open file descriptors", static_cast<double>(open_descriptors()));
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  page.gauge("process_max_fds", "Maximum of open file descriptors",
             static_cast<double>(limit.rlim_cur));
  page.gauge("process_start_time_seconds", "Start of the process, Unix time",
             std::chrono::duration<double>(started.time_since_epoch()).count());
}

void add_ingest(Page& page, const IngestMetrics& ingest) {
  page.counter("zws_events_received_total", "Events received from producers and REST",
               static_cast<double>(ingest.received()));
  page.counters("zws_ingest_rejected_total", "Events dropped on arrival", "reason", reject_names,
                [&](std::size_t i) { return ingest.rejected[i].value(); });
  page.counter("zws_ingest_header_ignored_total", "Third frames that are not a header of ours",
               static_cast<double>(ingest.header_ignored.value()));
  page.counter("zws_ingest_gaps_total",
               "Jumps of a source's seq; one jump may be many events that never arrived",
               static_cast<double>(ingest.gaps.value()));
  page.counter("zws_sources_forgotten_total",
               "Sources forgotten because a topic has more than limits.sources_per_topic",
               static_cast<double>(ingest.sources_forgotten.value()));
  page.counter("zws_ingest_resets_total", "Times the ingest socket was remade to free memory",
               static_cast<double>(ingest.resets.value()));
  page.counter("zws_repaired_total", "Events that got lost, and came again from their publisher",
               static_cast<double>(ingest.repaired.value()));
  page.counters("zws_repair_failed_total",
                "Events that did not come again, and answers that were not asked for", "reason",
                repair_failure_names,
                [&](std::size_t i) { return ingest.repair_failed[i].value(); });
  page.gauge("zws_producers", "Producers connected", static_cast<double>(ingest.producers.value()));
  page.counter("zws_producers_connected_total", "Producers that connected",
               static_cast<double>(ingest.producers_connected.value()));
  page.counter("zws_producers_lost_total", "Producers that left",
               static_cast<double>(ingest.producers_lost.value()));
  page.gauges("zws_ingest_endpoints", "Endpoints of ingest.connect by how it stands with them",
              "state", endpoint_names, [&](std::size_t i) { return ingest.endpoints[i].value(); });
  page.counters("zws_producers_refused_total",
                "Producers refused in their handshake, or cut off later", "reason", refuse_names,
                [&](std::size_t i) { return ingest.producers_refused[i].value(); });
}

void add_lanes(Page& page, const Metrics& metrics) {
  const auto gauge = [&](std::string_view name, std::string_view help, auto pick) {
    page.gauge(name, help, static_cast<double>(sum(metrics, pick)));
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto pick) {
    page.counter(name, help, static_cast<double>(sum(metrics, pick)));
  };
  using Lane = LaneMetrics;
  gauge("zws_connections", "WebSocket clients connected",
        [](const Lane& lane) -> const Counter& { return lane.connections; });
  gauge("zws_subscriptions", "Subscriptions that clients asked for",
        [](const Lane& lane) -> const Counter& { return lane.subscriptions; });
  page.gauge("zws_topics", "Topics with subscribers or history, and patterns",
             static_cast<double>(metrics.topics()));
  counter("zws_deliveries_total", "Events handed to the socket layer, one for each receiver",
          [](const Lane& lane) -> const Counter& { return lane.deliveries; });
  counter("zws_delivered_bytes_total", "Bytes of those events' frames",
          [](const Lane& lane) -> const Counter& { return lane.delivered_bytes; });
  page.counters("zws_dropped_total", "Events dropped for a receiver or a lane", "reason",
                drop_names, [&](std::size_t i) {
                  return sum(metrics,
                             [i](const Lane& lane) -> const Counter& { return lane.dropped[i]; });
                });
  counter("zws_replaced_total", "Waiting events replaced by a newer one of the same key",
          [](const Lane& lane) -> const Counter& { return lane.replaced; });
  page.counters(
      "zws_handshakes_total", "Opening handshakes by their end", "result", handshake_names,
      [&](std::size_t i) {
        return sum(metrics, [i](const Lane& lane) -> const Counter& { return lane.handshakes[i]; });
      });
  page.counters("zws_closed_total", "Connections closed, by code", "code",
                labels(counted_close_codes), [&](std::size_t i) {
                  return sum(metrics,
                             [i](const Lane& lane) -> const Counter& { return lane.closed[i]; });
                });
  page.counters("zws_refusals_total", "Errors that WebSocket clients were told, by code", "code",
                refusal_names, [&](std::size_t i) {
                  return sum(metrics, [i](const Lane& lane) -> const Counter& {
                    return lane.refusals[i + 1];
                  });
                });
  page.counters("zws_http_responses_total", "Answers to plain HTTP requests, by status", "code",
                labels(counted_http_statuses), [&](std::size_t i) {
                  return sum(metrics, [i](const Lane& lane) -> const Counter& {
                    return lane.http_responses[i];
                  });
                });
  gauge("zws_queue_bytes", "Bytes waiting for slow clients, with what holds them",
        [](const Lane& lane) -> const Counter& { return lane.queue_bytes; });
  counter("zws_closed_for_memory_total",
          "Clients closed with 4410 because memory ran short and they held most of it",
          [](const Lane& lane) -> const Counter& { return lane.closed_for_memory; });
  page.gauge("zws_memory_limit_bytes",
             "What the process may have (limits.memory_bytes); 0: no limit",
             static_cast<double>(metrics.memory_limit.value()));
  page.gauge("zws_history_bytes", "Bytes the history holds, bookkeeping included",
             static_cast<double>(metrics.ingest.history_bytes.value()));
}

void add_relay(Page& page, const RelayMetrics& relay) {
  page.gauge("zws_relay_up", "1 while this bridge is one of its fleet, 0 while it is apart",
             static_cast<double>(relay.up.value()));
  page.counters("zws_relay_calls_total", "Administrators' calls that go from bridge to bridge",
                "what", std::array<std::string_view, 3>{"sent", "received", "refused"},
                [&](std::size_t i) {
                  return (i == 0   ? relay.calls_sent
                          : i == 1 ? relay.calls_received
                                   : relay.calls_refused)
                      .value();
                });
  page.gauge("zws_relay_lag_seconds", "Between a question to Redis and its answer, the last time",
             static_cast<double>(relay.lag_ms.value()) * 1e-3);
  page.counter("zws_relay_written_total", "Events that this bridge was the first to keep in Redis",
               static_cast<double>(relay.written.value()));
  page.counter("zws_relay_unwritten_total", "Events that should have been kept there and were not",
               static_cast<double>(relay.unwritten.value()));
  page.gauge("zws_relay_waiting_bytes", "Of events on their way to Redis, which has not taken them",
             static_cast<double>(relay.waiting_bytes.value()));
  page.counter("zws_relay_topics_read_total", "Topics whose past was taken over from Redis",
               static_cast<double>(relay.topics_read.value()));
  page.counter("zws_relay_unreadable_total",
               "What lay among the keys of the history in Redis and is none of it",
               static_cast<double>(relay.unreadable.value()));
}

}  // namespace

std::string prometheus_text(const Metrics& metrics, bool in_fleet) {
  Page page;
  if (in_fleet) add_relay(page, metrics.relay);
  add_lanes(page, metrics);
  add_ingest(page, metrics.ingest);
  add_latency(page, metrics);
  ClientMetric build;
  build.label = {{"version", std::string(version())}};
  build.gauge.value = 1;
  page.family("zws_build_info", "The version that runs", MetricType::Gauge).metric.push_back(build);
  page.gauge("zws_config_last_reload_successful",
             "1 if the last reload succeeded; 0 if it was refused and the old configuration stays",
             metrics.reload_failed.value() == 0 ? 1 : 0);
  page.gauge("zws_tls_certificate_not_after",
             "End of the certificate that new connections are shown, Unix time; 0 without TLS",
             static_cast<double>(metrics.tls_not_after.value()));
  page.gauge("zws_jwks_last_fetch_successful",
             "0 while the keys of auth.jwks_url cannot be fetched, else 1",
             metrics.jwks_failed.value() == 0 ? 1 : 0);
  page.gauge("zws_jwks_last_success_timestamp_seconds",
             "When the keys of auth.jwks_url were last fetched, Unix time; 0 for never",
             static_cast<double>(metrics.jwks_fetched.value()));
  page.counter("zws_log_dropped_total", "Log lines dropped because nothing read stderr",
               static_cast<double>(log::dropped()));
  add_process(page);
  return page.text();
}

std::string prometheus_samples(const Metrics& metrics, bool in_fleet) {
  const std::string text = prometheus_text(metrics, in_fleet);
  std::string samples;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size() - 1) + 1;
    if (text[from] != '#') samples.append(text, from, end - from);
    from = end;
  }
  return samples;
}

}  // namespace zws
