// Publishers: who can be asked for what got lost, what each of them has, what it is asked for and when, and
// whether what comes is an answer. A question is a want (Aeron's NAK).
//
// A publisher can be asked once it has said what it has. A source that is not known yet is given `wait` for
// that, once. What events wait for is asked for first, and the rest (the end of a burst, what came before the
// bridge began) at leisure. Whoever does not answer is deaf: it is asked again when it has spoken again.
//
// Thread: one at a time, that of whoever drains. Lifetime: borrows all that it is given.
// Bounds: 1000 publishers with 64 sources each: no publisher that has been of use makes room for another, and
// no source that was spoken of lately; questions by Wants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
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

// What a publisher has of a topic.
struct KeptRange {
  std::string_view topic;
  std::uint64_t first = 0;  // newest + 1 where it has nothing any more
  std::uint64_t newest = 0;
};

// Counts events that could not be had.
inline void count_failed(IngestMetrics& metrics, RepairFailure why, std::uint64_t events) noexcept {
  metrics.repair_failed[static_cast<std::size_t>(why)].add(events);
}

// The seam: what whoever waits for publishers (HoldBack) hears of a stream.
class Waiting {
 public:
  virtual ~Waiting() = default;
  // Its publisher has said what it has of it. May throw std::bad_alloc.
  virtual void note_kept(RepairStream& stream) = 0;
  // The source has a publisher that can be asked. May throw std::bad_alloc.
  virtual void note_asked(const RepairSource& source) = 0;
  // Nothing of it was heard since, so it begins with what its publisher has.
  virtual void note_unheard(RepairStream& stream) noexcept = 0;
  // An event that was asked for, above the newest. May throw std::bad_alloc.
  virtual void take_answer(RepairStream& stream, const Arrival& arrival) = 0;
  // What has not come of it by now is not to be had.
  virtual void note_end(RepairStream& stream, SeqRange range) noexcept = 0;
  // Its publisher is asked for nothing of it any more.
  virtual void note_given_up(RepairStream& stream) noexcept = 0;
  // The connection to its publisher has ended. It comes again, as a rule.
  virtual void note_lost(RepairStream& stream) noexcept = 0;
};

class Publishers {
 public:
  Publishers(Asker& asker, Streams& streams, Waiting& waiting, IngestMetrics& metrics,
             const Clock& clock);
  ~Publishers();

  void set_wait(Duration wait) noexcept { wait_ = wait; }

  // What publishers say; `id` is a connection's. May throw std::bad_alloc.
  void greet(const std::string& id);
  void note_kept(const std::string& id, std::string_view source,
                 const std::vector<KeptRange>& kept);
  void take_answer(const std::string& id, const Arrival& arrival);
  void take_end(const std::string& id, std::string_view source, std::string_view topic,
                SeqRange range);
  // Something that was not asked for, or is no message of the protocol.
  void note_unasked() noexcept;

  // Whether it is worth waiting for its publisher, which can be asked or may be about to speak.
  bool may_help(RepairSource& source) noexcept;
  // A hole, above those before. It is asked for by ask(), as far as it can be had.
  void plan(RepairStream& stream, SeqRange range);
  // Whether some of it may still come.
  bool may_send(const RepairStream& stream, SeqRange range) const noexcept;
  // It has been waited for long enough.
  void note_overdue(const RepairStream& stream, SeqRange range);
  // Its source counts anew.
  void begin_again(RepairStream& stream) noexcept;
  // The stream ends.
  void forget(RepairStream& stream) noexcept;

  bool has_to_ask() const noexcept { return queued_ > 0; }
  void ask();

  // To be called at next_time(), or later.
  void look();
  SteadyTime next_time() const noexcept;

  // All connections are gone.
  void note_all_gone() noexcept;

 private:
  // What is asked for.
  void queue(RepairStream& stream);
  void look_at_late(SteadyTime now);
  bool can_take(const AskedPublisher& publisher, bool urgent, SteadyTime now) const noexcept;
  bool ask_one(AskedPublisher& publisher, bool urgent);
  void note_unqueued(const AskedPublisher& publisher, RepairStream& stream, bool urgent) noexcept;
  bool send_want(AskedPublisher& publisher, RepairStream& stream);
  void give_up(RepairStream& stream) noexcept;
  void give_up(Want& want) noexcept;
  static void open_end(RepairStream& stream) noexcept;
  std::uint64_t asked_from(const RepairStream& stream) const noexcept;
  void ask_again(RepairStream& stream, std::uint64_t from) noexcept;

  // What they say.
  void note_kept(RepairStream& stream, const KeptRange& kept);
  RepairSource* own(AskedPublisher& publisher, std::string_view name);
  bool answers(AskedPublisher& owner);
  bool let_go_of_a_source(AskedPublisher& publisher);
  void note_answered(AskedPublisher& publisher) noexcept;

  // Who comes, and who goes.
  AskedPublisher* publisher(const std::string& id) noexcept;
  AskedPublisher* add_publisher(const std::string& id);
  bool make_room();
  void look_who_is_gone(SteadyTime now);
  void note_gone(AskedPublisher& publisher) noexcept;
  void lose_the_gone();
  void lose(AskedPublisher& publisher);
  void greet_the_refused() noexcept;
  void greet_again(AskedPublisher& publisher) noexcept;

  // Who does not answer.
  static SteadyTime silent_since(const Want& want) noexcept;
  void look_for_silence(SteadyTime now);
  void deafen(AskedPublisher& publisher, SteadyTime now);
  void greet_the_deaf(SteadyTime now) noexcept;

  Asker& asker_;
  Streams& streams_;
  Waiting& waiting_;
  IngestMetrics& metrics_;
  const Clock& clock_;
  Duration wait_{200};
  Wants wants_;
  std::unordered_map<std::string, std::unique_ptr<AskedPublisher>> publishers_;
  std::deque<std::pair<SteadyTime, std::uint64_t>> late_;  // ends of bursts, to be looked at
  std::size_t queued_ = 0;                                 // streams in publishers' queues
  bool some_are_gone_ = false;                             // found so while asking
  SteadyTime asks_again_ = SteadyTime::max();              // a publisher's queue was full
  SteadyTime greets_again_ = SteadyTime::max();            // a publisher is deaf
  SteadyTime sweeps_again_{};                              // for publishers that are gone
  log::Quiet silent_log_;
};

}  // namespace zws
