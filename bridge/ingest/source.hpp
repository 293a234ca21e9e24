// Source: the SUB socket that producers are heard by (not the `src` of an event). It binds and connects;
// what comes is taken by an Intake. With CURVE the bridge is the server, whichever side binds, and a
// gatekeeper checks producers' keys.
//
// Thread: start() gives it a thread of its own, on which the socket lives; where somebody else drains
// it (a lane that is alone), start() is not called and drain() and look() are that one's, on one thread.
// The rest from main.
// Bounds: `ingest.hwm` messages for each producer, and `ingest.memory_bytes` of libzmq's memory for all
// of them together: past it the socket is made anew, which frees what an endless message holds.
// Errors: the constructor binds and throws StartupError; later a malformed message is counted and
// dropped, and a producer that leaves is logged.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "core/feed.hpp"
#include "core/sink.hpp"
#include "ingest/curve_keys.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class Source final : public Feed {
 public:
  Source(ConfigPtr config, Sink& sink, Metrics& metrics);
  ~Source() override;

  // The addresses that are bound, as they are.
  const std::vector<std::string>& addresses() const noexcept;
  // Those where publishers are asked for what got lost; none where nobody is.
  const std::vector<std::string>& repair_addresses() const noexcept;

  void start();
  // The thread has ended, or nobody drains any more.
  void stop();

  int descriptor() const noexcept override;
  int seldom_descriptor() const noexcept override;
  bool drain() noexcept override;
  bool look() noexcept override;

  // Limits, commands and the list of keys of a new configuration; producers whose key is not listed
  // any more are cut off. Waits until that is so, a tenth of a second as a rule. Thread: main.
  void reload(const ConfigPtr& config, CurveKeys keys);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zws
