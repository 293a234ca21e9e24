// Metrics: what the bridge counts while it works.
//
// Thread: each counter has one writer unless it says otherwise; a scrape may read from any thread at
// any time, so reads and writes are relaxed atomics and cost what a plain add costs.
// Lifetime: outlives every lane and the source.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "core/error_code.hpp"

namespace zws {

// A number one thread adds to and any thread reads.
class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void sub(std::uint64_t n) noexcept { add(~n + 1); }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Received from ZeroMQ -> handed to the socket, in seconds. Bounds are powers of two of 16 us.
class LatencyHistogram {
 public:
  static constexpr std::size_t buckets = 20;  // the last is +Inf
  static constexpr double bound_seconds(std::size_t i) noexcept {
    return 16e-6 * static_cast<double>(std::uint64_t{1} << i);
  }
  void observe(std::int64_t nanoseconds, std::uint64_t times) noexcept;

  std::array<Counter, buckets> counts;
  Counter sum_ns;
};

enum class DropReason : std::uint8_t {
  slow_consumer,  // a client's queue was at its bound
  lane_overload,  // waiting between ingest and a lane reached ingest.lane_bytes
  disconnected,   // waiting for a client that went away or was closed
  count_
};

enum class RejectReason : std::uint8_t {
  no_payload,
  topic_empty,
  topic_too_long,
  topic_not_utf8,
  topic_control,
  topic_wildcard,
  topic_reserved,
  commands_off,  // @all or @user/<id> while ingest.commands is false
  too_big,
  duplicate,
  count_
};

// Why a peer of the ingest socket became no producer.
enum class RefuseReason : std::uint8_t {
  no_curve,      // the bridge speaks CURVE and it does not
  unlisted_key,  // ingest.curve_allowed_keys_file
  wrong_key,     // it takes the bridge for another: its curve_serverkey is not ours
  broken_off,    // it left, or said nothing for 30 s: port scans, health checks
  protocol,      // it speaks something else than ZeroMQ's protocol
  too_big,       // a producer that was, and sent a frame over ingest.frame_bytes
  too_many,      // ingest.connections
  wrong_type,    // its socket is neither PUB nor XPUB
  count_
};

// How it stands with an endpoint of ingest.connect.
enum class EndpointState : std::uint8_t {
  connected,   // a producer is heard at one of its addresses at least
  connecting,  // none answers
  unresolved,  // its name has no address
  count_
};

// Why an event that was missing did not come again from its publisher.
enum class RepairFailure : std::uint8_t {
  gone,        // the publisher does not keep it any more
  unanswered,  // nothing came within ingest.repair_wait
  no_room,     // what waits behind the hole reached its bound
  unasked,     // an answer to no question of ours: another topic, source or number, or too late
  count_
};

// `taken`, `gaps`, `sources_forgotten`, the duplicates and what is kept are written under the exchange's
// mutex, the rest by the ingest thread.
struct IngestMetrics {
  Counter taken;  // by the exchange, duplicates included
  std::array<Counter, static_cast<std::size_t>(RejectReason::count_)> rejected;
  Counter header_ignored;
  Counter gaps;               // jumps of seq, each counted once, however many events it is
  Counter sources_forgotten;  // beyond limits.sources_per_topic
  Counter topics;             // of which anything is known, but for @all and @user/<id>
  Counter history_bytes;
  Counter resets;
  Counter repaired;  // events that came again because the bridge asked
  std::array<Counter, static_cast<std::size_t>(RepairFailure::count_)> repair_failed;
  Counter producers;            // connected now
  Counter producers_connected;  // ever
  Counter producers_lost;
  std::array<Counter, static_cast<std::size_t>(EndpointState::count_)> endpoints;
  std::array<Counter, static_cast<std::size_t>(RefuseReason::count_)> producers_refused;

  // All that came from producers and from REST, taken or not.
  std::uint64_t received() const noexcept;
};

// What passes between the bridge and Redis; written by the relay's thread.
struct RelayMetrics {
  Counter up;              // 1 while Redis answers
  Counter calls_sent;      // administrators' calls that this bridge took and passed on
  Counter calls_received;  // those of other bridges that it carried out
  Counter calls_refused;   // messages that were no calls, too old, or seen before
  Counter written;         // events kept in Redis
  Counter unwritten;       // events that should have been
  Counter waiting_bytes;   // of events on their way there
  Counter topics_read;     // whose history was taken over from there
  Counter unreadable;      // what lay among the history's keys and is none of it
  Counter lag_ms;          // between a question to Redis and its answer, the last time
};

// How the opening of a connection ended: the label `result`.
enum class HandshakeResult : std::uint8_t {
  accepted,
  bad_request,        // refused for its head, upgrade or plain HTTP: 400, 414, 426, 431, 429, 503
  not_found,          // an upgrade to another path
  forbidden_host,     // open mode's Host rule
  forbidden_origin,   // server.allowed_origins
  full,               // 503: limits.connections or the descriptors
  full_for_address,   // 1013 after the upgrade
  too_many_failures,  // 429, failed tokens
  timeout,            // limits.handshake_timeout
  tls_failed,         // no TLS was agreed on
  short_of_memory,    // 503, limits.memory_bytes
  draining,           // 503: the bridge stops
  count_
};

// The close codes that are counted one by one; any other counts as the last, "other".
constexpr std::array<std::uint16_t, 18> counted_close_codes{1000, 1001, 1002, 1003, 1005, 1006,
                                                            1007, 1009, 1012, 1013, 4400, 4401,
                                                            4403, 4408, 4410, 4429, 1011, 0};

// The statuses of HTTP answers that are counted one by one; any other counts as the last, "other".
constexpr std::array<std::uint16_t, 14> counted_http_statuses{200, 204, 304, 400, 401, 403, 404,
                                                              405, 411, 413, 415, 429, 503, 0};

// Written by one lane: once its thread has begun, whoever counts there from another is a mistake of ours,
// asserted where that has happened.
struct LaneMetrics {
  Counter connections;
  Counter subscriptions;
  Counter topics;    // that are subscribed to by name
  Counter patterns;  // that are subscribed to
  Counter deliveries;
  Counter delivered_bytes;
  std::array<Counter, static_cast<std::size_t>(DropReason::count_)> dropped;
  Counter replaced;
  Counter queue_bytes;
  Counter closed_for_memory;  // clients, by limits.memory_bytes
  LatencyHistogram latency;
  std::array<Counter, static_cast<std::size_t>(HandshakeResult::count_)> handshakes;
  std::array<Counter, counted_close_codes.size()> closed;
  std::array<Counter, error_code_names.size()> refusals;  // told to WebSocket clients
  std::array<Counter, counted_http_statuses.size()> http_responses;

  void count_closed(std::uint16_t code) noexcept;
  void count_refusal(ErrorCode code) noexcept;
  void count_http_response(std::uint16_t status) noexcept;

  // From now on only this thread counts.
  void begin_on_this_thread() noexcept { writer_ = std::this_thread::get_id(); }
  void end() noexcept { writer_ = std::thread::id{}; }

 private:
  bool is_mine() const noexcept {
    const std::thread::id writer = writer_;
    return writer == std::thread::id{} || writer == std::this_thread::get_id();
  }

  std::atomic<std::thread::id> writer_{};
};

class Metrics {
 public:
  explicit Metrics(std::size_t lanes);

  // Topics with subscribers or history, and patterns.
  std::uint64_t topics() const noexcept;

  IngestMetrics ingest;
  RelayMetrics relay;
  Counter memory_limit;   // bytes, 0 for none; the first lane writes it
  Counter reload_failed;  // 1 while the last reload was refused; main writes it
  Counter tls_not_after;  // of the certificate in force, Unix time; 0: no TLS; main writes it
  Counter jwks_failed;    // 1 while the last fetch of auth.jwks_url failed; its thread writes both
  Counter jwks_fetched;   // when it last succeeded, Unix time
  LaneMetrics& lane(std::size_t index) noexcept { return *lanes_[index]; }
  const std::vector<std::unique_ptr<LaneMetrics>>& lanes() const noexcept { return lanes_; }

 private:
  std::vector<std::unique_ptr<LaneMetrics>> lanes_;
};

}  // namespace zws
