// Repair: stands between intake and exchange, and asks publishers for what did not come.
//
// Where a source's number jumps, and its publisher can be asked, what comes behind the hole is held, what
// is missing is asked for, and all is handed on in order: at the latest after `wait`, with what there
// is by then. A publisher can be asked once it has said what it has; at the first hole, or where a first
// number is above 1, it has `wait` to do so, once for each source. What nothing waits for (the end of a burst, what came before the
// bridge began) is asked for at leisure.
//
// It never judges: duplicates, restarts and losses are the exchange's business, which drops what is not
// above the newest. Where this is not sure (it has forgotten a stream) it asks for nothing.
//
// Thread: one at a time, that of whoever drains. Lifetime: borrows the sink and the asker.
// Bounds: what is held, and what is known of streams, in bytes; wants by Wants; 1000 publishers with 64
// sources each, of which none that has been of use makes room for another. Cost of an event that no hole concerns: one look-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "core/sink.hpp"
#include "ingest/streams.hpp"
#include "ingest/wants.hpp"
#include "metrics/metrics.hpp"

namespace zws {

struct RepairRules {
  Duration wait{200};
  std::size_t held_bytes = std::size_t{32} << 20;
  std::size_t stream_bytes = std::size_t{64} << 20;
  std::size_t first_events =
      100;  // that are asked for of what came before the first that was heard
};

// What a publisher has of a topic.
struct KeptRange {
  std::string_view topic;
  std::uint64_t first = 0;  // newest + 1 where it has nothing any more
  std::uint64_t newest = 0;
};

class Repair final : public Sink {
 public:
  Repair(Sink& next, Asker& asker, IngestMetrics& metrics, const Clock& clock = Clock::real());
  ~Repair() override;

  void set_rules(const RepairRules& rules);

  // Live events.
  void accept(const Arrival* arrivals, std::size_t count) noexcept override;
  void opened(std::uint64_t connection) noexcept override { next_.opened(connection); }
  void ended(std::uint64_t connection) noexcept override;

  // What publishers say; `id` is a connection's. May throw std::bad_alloc.
  void greet(const std::string& id);
  void note_kept(const std::string& id, std::string_view source,
                 const std::vector<KeptRange>& kept);
  void take_answer(const std::string& id, const Arrival& arrival);
  void take_end(const std::string& id, std::string_view source, std::string_view topic,
                SeqRange range);
  // Something that was not asked for, or is no message of the protocol.
  void note_unasked() noexcept;

  // What has waited long enough is handed on. To be called at next_time(), or later.
  void look();
  SteadyTime next_time() const noexcept;  // SteadyTime::max(): never, as far as is known now

  // Nothing is held any more: somebody else needs the memory.
  void let_all_go();
  // All connections are gone.
  void forget_publishers();

  std::size_t bytes_held() const noexcept { return held_bytes_; }
  const Streams& streams() const noexcept { return streams_; }

 private:
  // Live events.
  bool is_plain(const Arrival& arrival);
  void take_or_pass(const Arrival& arrival) noexcept;
  void take(const Arrival& arrival);
  void take_first(RepairStream& stream, const Arrival& arrival);
  void begin(RepairStream& stream, std::uint64_t last);
  void take_jump(RepairStream& stream, const Arrival& arrival);
  void take_old(RepairStream& stream, const Arrival& arrival);
  void hand_on(RepairStream& stream, const Arrival& arrival);

  // What waits.
  void give_time(RepairSource& source);
  bool can_wait(RepairSource& source);
  RepairCare& care(RepairStream& stream);
  void hold(RepairStream& stream, const Arrival& arrival);
  void set_deadline(RepairStream& stream, SteadyTime deadline);
  void release(RepairStream& stream, std::uint64_t to);
  void release_all(RepairStream& stream, RepairFailure why);
  void release_due(RepairStream& stream, SteadyTime now);
  void settle(RepairStream& stream);
  void end_care(RepairStream& stream);
  bool is_open(const RepairStream& stream, SeqRange range) const noexcept;
  std::uint64_t connection_now(const HeldEvent& event) const noexcept;
  std::uint64_t missing(const RepairStream& stream, SeqRange range) const noexcept;

  // What is asked for.
  void plan(RepairStream& stream, SeqRange range);
  void plan_holes(RepairStream& stream);
  void queue(RepairStream& stream);
  void note_kept(RepairStream& stream, const KeptRange& kept);
  void look_at_late(SteadyTime now);
  void ask();
  bool ask_one(AskedPublisher& publisher, bool urgent);
  RepairSource* own(AskedPublisher& publisher, std::string_view name);

  // Publishers.
  AskedPublisher* publisher(const std::string& id) noexcept;
  AskedPublisher* add_publisher(const std::string& id);
  bool make_room();
  void lose_the_gone(SteadyTime now);
  void has_answered(AskedPublisher& publisher) noexcept;
  void lose(AskedPublisher& publisher);
  void deafen(AskedPublisher& publisher, SteadyTime now);
  void give_up(RepairStream& stream);
  void look_for_silence(SteadyTime now);
  void greet_the_deaf(SteadyTime now);
  void greet_the_refused();
  void fail(RepairFailure reason, std::uint64_t events) noexcept;

  Sink& next_;
  Asker& asker_;
  IngestMetrics& metrics_;
  const Clock& clock_;
  RepairRules rules_;
  Streams streams_;
  Wants wants_;
  std::unordered_map<std::string, std::unique_ptr<AskedPublisher>> publishers_;
  std::set<std::pair<SteadyTime, std::uint64_t>> deadlines_;  // and the stream's id
  std::deque<std::pair<SteadyTime, std::uint64_t>> late_;     // ends of bursts, to be looked at
  std::vector<AskedPublisher*> gone_;                         // found so while asking
  std::size_t queued_ = 0;                                    // streams in publishers' queues
  std::size_t held_bytes_ = 0;
  std::unordered_set<std::uint64_t> ended_;      // connections, since something is held
  SteadyTime asks_again_ = SteadyTime::max();    // a publisher's queue was full
  SteadyTime greets_again_ = SteadyTime::max();  // a publisher is deaf
  SteadyTime sweeps_again_{};                    // for publishers that are gone
  std::vector<Arrival> released_;
  log::Quiet silent_log_;
};

}  // namespace zws
