// Repairs: what belongs to repair beside the producers' socket: the port on which publishers are asked, the
// Repair that knows what is missing, and one descriptor for the port and the time (and for the producers' socket,
// if asked to).
//
// Thread: that of whoever drains. Lifetime: within the context's. Errors: the constructor binds and throws
// StartupError.
#pragma once

#include <chrono>
#include <zmq.hpp>

#include "ingest/repair.hpp"
#include "ingest/repair_port.hpp"
#include "ingest/wakeup.hpp"

namespace zws {

class Repairs {
 public:
  Repairs(zmq::context_t& context, const CurveKeys& keys, Sink& next, IngestMetrics& metrics,
          const Config& config);

  // Where publishers are asked.
  const std::vector<std::string>& addresses() const noexcept { return port_.addresses(); }

  // Events go through it.
  Sink& sink() noexcept { return repair_.sink(); }

  // What publishers say, and what it is time for. Where the producers' socket had something (`idle` is
  // false) it is asked now and then only whether the port has, too: its descriptor stays readable. True if
  // there may be more. Throws zmq::error_t.
  bool drain(bool idle);
  // After reopen(), until all is bound again: several times a second.
  void bind_again(const Config& config) { port_.bind_again(config); }

  void set_rules(const Config& config);
  // If it throws, all is as it was.
  void reopen(const Config& config);
  // Nobody is connected.
  bool is_alone() noexcept { return port_.callers().nobody(); }
  void close() noexcept;

  // The producers' socket wakes whoever waits here, too. Where somebody else waits for both it does not: behind
  // a descriptor for several each event costs the kernel a third of a microsecond more.
  void wait_for_too(zmq::socket_t& socket);
  void wait_no_more_for(zmq::socket_t& socket) noexcept;
  // Until something is there, or it is time. Only after drain() has found the end.
  void wait(std::chrono::milliseconds at_most) noexcept { wakeup_.wait(at_most); }
  int descriptor() const noexcept { return wakeup_.descriptor(); }

  // What waits is handed on if it and what libzmq holds, `held`, come to more than may be.
  void keep_within(std::size_t held, std::size_t bound);

 private:
  Wakeup wakeup_;
  RepairPort port_;
  Repair repair_;
  SteadyTime looked_{};  // whether anything waits, though producers were busy
};

}  // namespace zws
