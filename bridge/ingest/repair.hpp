// Repair: stands between intake and exchange, and has again what PUB/SUB lost on the way. HoldBack keeps the
// order of what came, and Publishers asks for what did not; here they are put together.
//
// Thread: one at a time, that of whoever drains. Lifetime: borrows all that it is given.
#pragma once

#include <cstddef>

#include "ingest/hold_back.hpp"
#include "ingest/publishers.hpp"
#include "ingest/streams.hpp"

namespace zws {

struct RepairRules {
  HoldBack::Rules held;
  std::size_t stream_bytes = std::size_t{64} << 20;
};

class Repair {
 public:
  Repair(Sink& next, Asker& asker, IngestMetrics& metrics, const Clock& clock = Clock::real());

  void set_rules(const RepairRules& rules);

  // Where live events go.
  Sink& sink() noexcept { return held_; }
  // To whom that goes which publishers say.
  Publishers& publishers() noexcept { return publishers_; }

  // What it is time for. To be called at next_time(); where nobody did for a while, as the process stood still,
  // nothing is late for a moment longer: what came meanwhile is read first. May throw std::bad_alloc.
  void look();
  SteadyTime next_time() const noexcept;  // SteadyTime::max(): never, as far as is known now

  // Nothing is held any more: somebody else needs the memory.
  void let_all_go() noexcept { held_.let_all_go(); }

  std::size_t bytes_held() const noexcept { return held_.bytes(); }
  const Streams& streams() const noexcept { return streams_; }

 private:
  SteadyTime due() const noexcept;

  const Clock& clock_;
  Streams streams_;
  HoldBack held_;
  Publishers publishers_;
  SteadyTime not_before_{};
};

}  // namespace zws
