// Publisher: hands events to bridges without ever waiting for one.
//
//   zws::Publisher publisher("tcp://127.0.0.1:5556");
//   publisher.wait_ready(std::chrono::seconds(2));
//   publisher.publish("orders", R"({"type":"order","id":17})");
//
// Thread:   any; the calls of several threads take turns.
// Lifetime: owns its sockets and one I/O thread, another for bridges that ask for events again
//           (`repair`), and while early events wait one more; the destructor closes it. No signal is
//           delivered to its threads. In a forked child its parent's publisher is closed: make another.
// Errors:   the constructors throw PublisherError; everything else throws nothing and returns what
//           became of it. (Out of memory ends the program, as it does inside libzmq.)
// Cost:     under a microsecond and no allocation of its own for an event on a known topic.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace zws {

constexpr std::string_view default_endpoint = "tcp://127.0.0.1:5556";

// A publisher cannot be made: what() is one line that names the endpoint or the option.
class PublisherError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What became of one event.
enum class Outcome : std::uint8_t {
  sent,        // each endpoint's queue has it, or it waits for the first bridge
  no_bridge,   // an endpoint has no bridge yet, which therefore misses it
  queue_full,  // an endpoint's queue is full, whose bridge therefore misses it
  bad_topic,  // not 1 to 255 bytes of UTF-8, or with '*' or a control character, or a wrong '@' name
  bad_key,    // over 255 bytes, not UTF-8, or the publisher sends no headers
  bad_json,   // the text given to a send_ function is not one JSON value
  too_big,    // the payload is larger than max_event_bytes
  closed,
};

// "sent", "no bridge is listening", ...: for a log line.
std::string_view describe(Outcome outcome) noexcept;

struct PublisherOptions {
  // Listen at the endpoint, for bridges whose `ingest.connect` names it, instead of connecting.
  bool bind = false;

  // Send src, seq, ts and key with each event, so that a lost one is noticed and told.
  bool headers = true;

  // How many events may wait for one bridge.
  std::size_t queue_events = 10'000;

  // How long publish may wait for room in a full queue. 0: it never waits.
  std::chrono::milliseconds full_wait{0};

  // How long the destructor gives waiting events to leave.
  std::chrono::milliseconds linger{1000};

  // How long events wait for the first bridge to subscribe: up to queue_events of them and 16 MiB,
  // counted from the first. 0: they are dropped at once.
  std::chrono::milliseconds early_seconds{5000};

  // A larger payload is refused; the bridge's limits.event_bytes should be no less.
  std::size_t max_event_bytes = std::size_t{1024} * 1024;

  // Where bridges ask for events again that got lost on the way (their `ingest.repair_bind`). "port+1":
  // at the same host with the port + 1, for each tcp endpoint that the publisher connects to. Empty:
  // nowhere, and nothing is held for it. Without headers nobody can ask.
  std::vector<std::string> repair{"port+1"};

  // How much of what was sent is held for them; then the oldest event of all goes. The memory is
  // used as it fills.
  std::size_t repair_bytes = std::size_t{16} * 1024 * 1024;

  // How many topics are counted. One more, and all are counted anew under a new `src`; what was
  // sent under the old one cannot be asked for any more.
  std::size_t topics = 100'000;

  // CURVE keys in Z85 (40 characters): the bridge's public key, and this publisher's secret key.
  // With the first alone a key pair is made, which bridges accept that let every key in.
  std::string curve_server_key;
  std::string curve_secret_key;
};

class Publisher {
 public:
  explicit Publisher(std::string_view endpoint = default_endpoint, PublisherOptions options = {});

  // For several bridges: each has its own queue, and an event has the same id on all of them.
  explicit Publisher(const std::vector<std::string>& endpoints, PublisherOptions options = {});

  ~Publisher();

  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Sends `payload` (any bytes; most often JSON) to those who watch `topic`. A route with
  // overflow = "conflate" keeps the newest event of each `key`. A dropped event takes its number
  // too, so that the bridge sees what is missing.
  Outcome publish(std::string_view topic, std::string_view payload,
                  std::string_view key = {}) noexcept;

  // The messages that browsers know by their `type`. Each takes JSON text and wraps it.

  // To those who watch `import:{task_id}`.
  Outcome send_import_progress(std::string_view task_id, std::string_view progress) noexcept;

  // To `wallet_updates`, with the wallet as its key (where headers are sent).
  Outcome send_wallet_update(std::string_view wallet_address, std::string_view data) noexcept;

  // To those who watch `notifications`, or to every connection of each target user, once (of an
  // empty list: nobody). With several users the first outcome that is not `sent` is returned.
  Outcome send_notification(std::string_view notification) noexcept;
  Outcome send_notification(std::string_view notification,
                            const std::vector<std::string>& target_users) noexcept;

  // To `system_status`.
  Outcome send_system_status(std::string_view data) noexcept;

  // To every connection, whatever it has subscribed to. `message` travels as it is.
  Outcome broadcast(std::string_view message) noexcept;

  // Waits until a bridge has subscribed at each endpoint (to `topic`, when one is given). One that
  // restarts later still counts, as events wait for it.
  bool wait_ready(std::chrono::milliseconds timeout, std::string_view topic = {}) noexcept;

  // Whether what listens at an endpoint refused to speak with this publisher when it last tried:
  // the CURVE keys do not fit, or it is no bridge. It goes on trying.
  bool refused() const noexcept;

  // How many events were not sent for want of a bridge or of room.
  std::uint64_t dropped() const noexcept;

  // Sends what waits, early events too, for at most `linger`. True when all of it has left in that time. Later calls
  // of publish return `closed`; a second close does nothing and returns true.
  bool close(std::chrono::milliseconds linger) noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zws
