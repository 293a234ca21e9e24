// HoldBack, a hold-back queue: what comes behind a hole waits until the hole is filled, and all goes on in
// order; at the latest after `wait`, with what there is by then. Other topics and sources do not wait.
//
// It never judges: duplicates, restarts and losses are the exchange's business, which drops what is not
// above the newest. Where this is not sure (it has forgotten a stream) it waits for nothing.
//
// Thread: one at a time, that of whoever drains. Lifetime: borrows all that it is given.
// Bound: Rules::bytes of events; past it, those that have waited longest go on. Cost of an event that no hole
// concerns: one look-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "core/clock.hpp"
#include "core/sink.hpp"
#include "ingest/publishers.hpp"
#include "ingest/streams.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class HoldBack final : public Sink, public Waiting {
 public:
  struct Rules {
    Duration wait{200};
    std::size_t bytes = std::size_t{32} << 20;
    // So many are asked for of what came before the first that was heard.
    std::size_t first_events = 100;
  };

  HoldBack(Sink& next, Streams& streams, Publishers& publishers, IngestMetrics& metrics,
           const Clock& clock);

  void set_rules(const Rules& rules) noexcept { rules_ = rules; }

  // Live events.
  void accept(const Arrival* arrivals, std::size_t count) noexcept override;
  void opened(std::uint64_t connection) noexcept override { next_.opened(connection); }
  void ended(std::uint64_t connection) noexcept override;

  // What publishers say.
  void note_kept(RepairStream& stream) override;
  void note_asked(const RepairSource& source) override;
  void note_unheard(RepairStream& stream) noexcept override;
  void take_answer(RepairStream& stream, const Arrival& arrival) override;
  void note_end(RepairStream& stream, SeqRange range) noexcept override;
  void note_given_up(RepairStream& stream) noexcept override { settle(stream); }
  void note_lost(RepairStream& stream) noexcept override;

  // What has waited long enough is handed on. To be called at next_time(), or later.
  void look();
  SteadyTime next_time() const noexcept;  // SteadyTime::max(): never, as far as is known now

  // Nothing is held any more: somebody else needs the memory.
  void let_all_go() noexcept;
  // The stream ends: what is held of it goes on.
  void let_go(RepairStream& stream) noexcept;

  std::size_t bytes() const noexcept { return bytes_; }

 private:
  // Live events.
  bool is_plain(const Arrival& arrival) const noexcept;
  void take_or_pass(const Arrival& arrival) noexcept;
  void take(const Arrival& arrival);
  void take_first(RepairStream& stream, const Arrival& arrival);
  void take_jump(RepairStream& stream, const Arrival& arrival);
  void take_old(RepairStream& stream, const Arrival& arrival);
  void hand_on(RepairStream& stream, const Arrival& arrival) noexcept;
  void begin(RepairStream& stream, std::uint64_t last) noexcept;
  void plan_holes(RepairStream& stream);
  std::uint64_t connection_now(const HeldEvent& event) const noexcept;

  // What waits.
  void hold(RepairStream& stream, const Arrival& arrival);
  bool make_room(const RepairStream& stream, std::size_t bytes) noexcept;
  void keep(RepairStream& stream, const Arrival& arrival);
  void set_deadline(RepairStream& stream, SteadyTime deadline) noexcept;
  void settle(RepairStream& stream) noexcept;
  void release(RepairStream& stream, std::uint64_t to) noexcept;
  void release_all(RepairStream& stream) noexcept;
  void release_due(RepairStream& stream, SteadyTime now);
  std::uint64_t missing(const RepairStream& stream, SeqRange range) const noexcept;
  void count_unanswered(const RepairStream& stream, std::uint64_t to) noexcept;

  Sink& next_;
  Streams& streams_;
  Publishers& publishers_;
  IngestMetrics& metrics_;
  const Clock& clock_;
  Rules rules_;
  std::map<std::pair<SteadyTime, std::uint64_t>, std::uint64_t>
      deadlines_;  // and order: stream ids
  std::uint64_t order_ = 0;
  std::size_t bytes_ = 0;
  std::unordered_set<std::uint64_t> ended_;  // connections, since something is held
  std::vector<Arrival> released_;
};

}  // namespace zws
