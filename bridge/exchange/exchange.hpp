// Exchange, the sequencer and the one history: what is true of each topic, whoever listens: its sources
// and their numbers, and the events that are kept. It gives all events one order and one arrival number, numbers what came without a
// number, encodes each once, keeps it, and posts it to the lanes that listen to its topic.
//
// Who subscribes looks at the exchange: while it does, nothing arrives. So what it is told of the past
// ends exactly where it puts a place among what waits for its lane (Batch::reached). When the lane comes
// to that place it is told, and from there on it hears what comes.
//
// Thread: any (the source's thread for producers, lanes for REST and for their clients); one mutex,
// taken once a drain and once a look.
// Lifetime: outlives the lanes' clients; the lanes that it posts to outlive what producers send.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/route_table.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "core/position.hpp"
#include "core/sink.hpp"
#include "exchange/archive.hpp"
#include "exchange/batch.hpp"
#include "exchange/frame.hpp"
#include "exchange/history.hpp"
#include "exchange/interest.hpp"
#include "exchange/lane_set.hpp"
#include "exchange/source_table.hpp"
#include "exchange/topics.hpp"
#include "metrics/metrics.hpp"

namespace zws {

struct Past;

// What the REST API publishes: topic and payload have been checked.
struct Publication {
  std::string topic;
  std::string payload;
  std::int64_t sent_ns = 0;  // Unix time; 0: now
  std::string source = {};   // of another bridge, which has numbered it; empty: this one does
  std::uint64_t seq = 0;
  // Other bridges get it with its number. So it is numbered apart from what producers send without a
  // number, of which each bridge has a count of its own.
  bool for_fleet = false;
};

// The outcome: the connections it reached on this bridge, and the "SRC:SEQ" of each publication.
struct Published {
  std::size_t recipients = 0;
  std::vector<std::string> ids;
};

class Exchange final : public Sink {
 public:
  explicit Exchange(ConfigPtr config, Metrics& metrics, const Clock& clock = Clock::real());

  // Where events go from now on. Before the first one.
  void post_to(std::vector<BatchSink*> lanes) { lanes_ = std::move(lanes); }

  void accept(const Arrival* arrivals, std::size_t count) noexcept override;
  void opened(std::uint64_t connection) noexcept override;
  // Tells who asked which sources are lost by it, as far as that takes no time; tend_sources() goes on.
  void ended(std::uint64_t connection) noexcept override;

  // Keeps events in `archive` too, from now on; null: nowhere. Before the first event.
  void keep_in(Archive* archive) noexcept;
  Archive* archive() const noexcept { return archive_; }

  // Takes in what an archive knows of a topic: History::fill(). What it has sent to nobody yet, it goes on
  // telling: a source that is known from there alone goes on behind its newest event.
  bool fill(const Past& past);

  // Who named the sources that this bridge numbers itself: their names begin so.
  const std::string& own_source() const noexcept { return own_source_; }

  // As if a producer had sent them. `done` is called once, on a lane or by the caller. Returns where each
  // stands, those left out that were here already.
  std::vector<Position> publish(const std::vector<Publication>& publications,
                                std::function<void(Published)> done);

  // Nothing arrives while it lives. Short work only, and nothing that sends to a client: its end would
  // have to be told here (Interest::ends).
  class Look {
   public:
    History& history() const noexcept { return exchange_.history_; }
    // Of a topic, for somebody who is told from this look on what becomes of them: append them first,
    // then let the interest begin (Interest::watch_begins).
    void sources(std::string_view topic, std::vector<KnownSource>& out) const {
      exchange_.sources_.list_before_watch(topic, exchange_.clock_.steady(), out);
    }
    // Of the last event; the history answers up to it.
    std::uint64_t newest_arrival() const noexcept { return exchange_.arrivals_; }

   private:
    friend class Exchange;
    explicit Look(Exchange& exchange) : lock_(exchange.mutex_), exchange_(exchange) {}

    std::unique_lock<std::mutex> lock_;
    Exchange& exchange_;
  };
  Look look() { return Look(*this); }

  // What a lane listens to, told by the lane that has this place in post_to(). It gets the events of the
  // topics that it listens to, by name or by a pattern.
  Interest& interest(std::size_t lane);

  // The sources of these topics, in their order. Few at a time: nothing arrives meanwhile.
  std::vector<KnownSource> sources(const std::vector<std::string>& topics);

  // Tells who asked what has become of sources; call it about ten times a second, and as long as it says
  // that there is more. Bounded work per call: a third of a millisecond.
  bool tend_sources() noexcept;

  // Forgets what is past its age, and which lanes listened once; call it about ten times a second. Bounded
  // work per call: a millisecond.
  void sweep();

  // New routes, limits and bounds hold from the next event on. Cost: O(topics) where routes, history.size,
  // history.ttl or limits.sources_per_topic are others than before; nothing arrives meanwhile.
  void reload(ConfigPtr config);

 private:
  class LaneInterest final : public Interest {
   public:
    LaneInterest(Exchange& exchange, std::size_t lane) : exchange_(exchange), lane_(lane) {}
    void begins(const Pattern& pattern) override;
    void ends(const Pattern& pattern) noexcept override;
    void end(const std::vector<Pattern>& patterns) noexcept override;
    void watch_begins(const Pattern& pattern) override;
    void watch_ends(const Pattern& pattern) noexcept override;

   private:
    void end_one(const Pattern& pattern) noexcept;

    Exchange& exchange_;
    const std::size_t lane_;
  };

  void add(const Arrival& arrival, SteadyTime received, std::int64_t now_ns, Batch& batch);
  void take(const Arrival& arrival, Event::Fields fields, Judgement& judgement, std::int64_t now_ns,
            Batch& batch);
  bool is_here(const Arrival& arrival, Event::Fields fields, const Judgement& judgement,
               std::int64_t now_ns);
  void keep(EventPtr event, const Judgement& judgement, Batch& batch);
  void tell(EventPtr marker, LaneSet lanes, Batch& batch);
  bool tend();
  LaneSet listening() const noexcept;
  void post(const std::shared_ptr<Batch>& batch);
  std::shared_ptr<Batch> part_for(LaneSet lane, const std::shared_ptr<Batch>& batch) const noexcept;
  void note_sizes() noexcept;
  void note_gap(const Arrival& arrival, const Judgement& judgement);
  void note_duplicate(const Arrival& arrival);
  void tell_late(const Judgement& judgement, Event::Fields fields, Batch& batch);
  void tell_lost(const Judgement& judgement, Event::Fields fields, Batch& batch);
  void note_forgotten(const Arrival& arrival, const Judgement& judgement);

  const std::string own_source_;
  Archive* archive_ = nullptr;
  Topics topics_;
  PatternLanes patterns_;
  std::mutex mutex_;
  std::unique_ptr<const RouteTable> routes_;
  SourceTable sources_;
  History history_;
  Renderer renderer_;
  std::uint64_t arrivals_ = 0;
  std::vector<BatchSink*> lanes_;
  std::deque<LaneInterest> interests_;
  SteadyTime patterns_swept_{};
  std::vector<LaneSet> wanted_;  // by which lanes, of each event of the drain at hand
  IngestMetrics& metrics_;
  const Clock& clock_;
  log::Quiet gap_log_;
  log::Quiet restart_log_;
  log::Quiet duplicate_log_;
  log::Quiet forgotten_log_;
  log::Quiet lost_log_;
};

}  // namespace zws
