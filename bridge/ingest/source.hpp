// Source: the ZeroMQ side. One thread, one SUB socket that binds and connects, one batch per drain.
//
// Thread: start() and stop() from main; the socket lives on the source's own thread.
// Bounds: `ingest.hwm` messages for each producer, and `ingest.memory_bytes` for all of them together:
// past it the socket is made anew, which frees what an endless message holds.
// Errors: the constructor binds and throws StartupError; later a malformed message is counted and
// dropped, and a producer that leaves is logged.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "core/sink.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class Source {
 public:
  // `accounted_bytes` is what the rest of the bridge knows it holds; growth beyond it is ours.
  Source(ConfigPtr config, Sink& sink, Metrics& metrics,
         std::function<std::size_t()> accounted_bytes);
  ~Source();

  // The addresses that are bound, as they are.
  const std::vector<std::string>& addresses() const noexcept;

  void start();
  void stop();

  // Limits and commands of a new configuration, from the next drain on. Thread: any.
  void reload(const ConfigPtr& config);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zws
