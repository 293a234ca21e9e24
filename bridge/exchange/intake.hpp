// Intake gives all events one order, numbers what came without a number, encodes each once, and posts
// the same batch to every lane.
//
// Thread: any (the source's thread for producers, lanes for REST); one mutex, taken once a drain.
// Lifetime: borrows the lanes and the ledger; they outlive it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/route_table.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "core/sink.hpp"
#include "exchange/batch.hpp"
#include "exchange/frame.hpp"
#include "exchange/source_table.hpp"
#include "metrics/metrics.hpp"

namespace zws {

// What the REST API publishes: topic and payload have been checked.
struct Publication {
  std::string topic;
  std::string payload;
};

// The outcome: the connections it reached on this bridge, and the "SRC:SEQ" of each publication.
struct Published {
  std::size_t recipients = 0;
  std::vector<std::string> ids;
};

class Intake : public Sink {
 public:
  Intake(ConfigPtr config, std::vector<BatchSink*> lanes, Ledger& ledger, Metrics& metrics,
         const Clock& clock = Clock::real());

  void accept(const Arrival* arrivals, std::size_t count) noexcept override;

  // As if a producer had sent them. `done` is called once, on a lane.
  void publish(const std::vector<Publication>& publications, std::function<void(Published)> done);

  // The sources of these topics, in their order. Few at a time: nothing arrives meanwhile.
  std::vector<KnownSource> sources(const std::vector<std::string>& topics);

  // New routes and limits, from the next event on.
  void reload(ConfigPtr config);

 private:
  void add(const Arrival& arrival, SteadyTime received, std::int64_t now_ns, Batch& batch);
  void post(const std::shared_ptr<Batch>& batch);
  void note_gap(const Arrival& arrival, const Judgement& judgement);
  void note_duplicate(const Arrival& arrival);
  void note_forgotten(const Arrival& arrival, const Judgement& judgement);

  std::mutex mutex_;
  std::unique_ptr<const RouteTable> routes_;
  SourceTable sources_;
  Renderer renderer_;
  std::uint64_t arrivals_ = 0;
  const std::vector<BatchSink*> lanes_;
  IngestMetrics& metrics_;
  const Clock& clock_;
  log::Quiet gap_log_;
  log::Quiet restart_log_;
  log::Quiet duplicate_log_;
};

}  // namespace zws
