// Delivery: a publisher as a command wants it: it waits for the bridge before the first message,
// for room when the queue is full, and for the last message to leave; whatever fails is a Failure.
//
// Thread: one.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <zws/publisher.hpp>

namespace CLI {
class App;
}

namespace zws::tool {

struct DeliveryOptions {
  std::string to{default_endpoint};
  std::string wait = "2";
  bool header = false;
  std::string curve_server_key_file;
  std::string curve_secret_key_file;
};

// --to, --wait and the CURVE keys.
void add_delivery_options(CLI::App& command, DeliveryOptions& options);

class Delivery {
 public:
  explicit Delivery(const DeliveryOptions& options);

  // Returns when a bridge listens that wants `topic`. Failure: cannot_connect, or denied when what
  // listens refuses to speak with us.
  void wait_for_bridge(std::string_view topic);

  // What is published here must be sent: check(delivery.publisher().publish(...), topic).
  Publisher& publisher() noexcept { return *publisher_; }
  void check(Outcome outcome, std::string_view topic) const;

  // Returns when all has left. Failure: failed.
  void finish();

 private:
  std::string to_;
  std::chrono::milliseconds wait_;
  std::unique_ptr<Publisher> publisher_;
};

}  // namespace zws::tool
