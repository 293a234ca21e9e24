// Calls: what the administrator's calls do (docs/REST.md), once Api has let them in.
//
// Thread: each on the clerk's; what lanes must be asked is gathered without waiting for any, and what is made
// of it is the clerk's again where it may be much. Lifetime: outlives the lanes' threads.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "api/bridge_calls.hpp"
#include "api/clerk.hpp"
#include "api/connection_calls.hpp"
#include "api/rates.hpp"
#include "api/ready_check.hpp"
#include "api/recent_totals.hpp"
#include "api/request.hpp"
#include "api/rights_calls.hpp"
#include "api/samples.hpp"
#include "api/source_calls.hpp"
#include "api/topic_calls.hpp"
#include "core/fleet.hpp"
#include "core/http.hpp"
#include "exchange/exchange.hpp"
#include "lane/lanes.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class Calls {
 public:
  struct Parts {
    Lanes* lanes = nullptr;
    Exchange* exchange = nullptr;
    const Metrics* metrics = nullptr;
    Verifier* verifier = nullptr;
    Clerk* clerk = nullptr;
    const std::atomic<bool>* ready = nullptr;
    std::string name;        // of this bridge
    Fleet* fleet = nullptr;  // null: it stands alone
    const ReadyCheck* ready_check = nullptr;
  };

  explicit Calls(Parts parts)
      : parts_(parts),
        rates_(*parts.metrics),
        connections_(*parts.lanes, *parts.exchange, *parts.clerk),
        topics_(*parts.lanes, *parts.exchange, *parts.clerk, connections_),
        sources_(*parts.clerk, *parts.exchange, *parts.metrics),
        bridge_({parts.lanes, parts.metrics, parts.ready, parts.name, parts.fleet}),
        rights_(*parts.lanes, *parts.verifier, *parts.clerk),
        sample_source_(*parts.metrics) {}

  void reload(const ConfigPtr& config, const Origins& origins) {
    bridge_.reload(config, origins);
    rights_.reload(config);
  }

  void stats(const ApiRequest& request, HttpReply reply);
  void broadcast(const ApiRequest& request, HttpReply reply);
  void notify(const ApiRequest& request, HttpReply reply);
  void publish(const ApiRequest& request, HttpReply reply);
  void connections(const ApiRequest& request, HttpReply reply) {
    connections_.list(request, std::move(reply));
  }
  void connection(const ApiRequest& request, HttpReply reply) {
    connections_.one(request, std::move(reply));
  }
  void topics(const ApiRequest& request, HttpReply reply) {
    topics_.list(request, std::move(reply));
  }
  void topic(const ApiRequest& request, HttpReply reply) { topics_.one(request, std::move(reply)); }
  void sources(const ApiRequest& request, HttpReply reply) {
    sources_.list(request, std::move(reply));
  }
  void samples(const ApiRequest& request, HttpReply reply);
  void newest_lines(const ApiRequest& request, HttpReply reply);
  void rights(const ApiRequest& request, HttpReply reply) {
    rights_.ask(request, std::move(reply));
  }
  void config(const ApiRequest& request, HttpReply reply) {
    bridge_.config(request, std::move(reply));
  }
  void bridges(const ApiRequest& request, HttpReply reply) {
    bridge_.bridges(request, std::move(reply));
  }
  void history(const ApiRequest& request, HttpReply reply);
  void disconnect(const ApiRequest& request, HttpReply reply);
  void disconnect_user(const ApiRequest& request, HttpReply reply);

  // Does here what another bridge of the fleet was asked. Thread: any; `done` is called on some.
  void carry_out(FleetCall call, std::function<void(FleetAnswer)> done);

  // This bridge as it stands. Thread: any.
  FleetMember self() const { return bridge_.self(); }

  // The totals as the members of a JSON object, with its braces. Never waits.
  std::string totals() const;

  // The same with the busiest topics, later, on some lane.
  void totals_with_topics(std::function<void(std::string)> done);
  // The same, up to a second old.
  void recent_totals_with_topics(RecentTotals::Done done) { recent_totals_.get(std::move(done)); }

  // Called about once a second by one thread.
  void sample();

 private:
  struct Sending;
  void send(const ApiRequest& request, std::vector<Publication> publications, bool with_id,
            HttpReply reply);
  void send_some(const std::shared_ptr<Sending>& sending);
  void tell(const Sample& sample);
  std::string stats_event(const Sample& sample);
  void carry_out_here(FleetCall call, std::function<void(FleetAnswer)> done);
  void fleet_stats(HttpReply reply);
  void close_here(std::function<bool(const Session&)> chosen,
                  std::function<void(std::size_t)> done);
  void close_everywhere(const ApiRequest& request, FleetCall call, bool must_exist,
                        HttpReply reply);

  const Parts parts_;
  Rates rates_;
  ConnectionCalls connections_;
  TopicCalls topics_;
  SourceCalls sources_;
  BridgeCalls bridge_;
  RightsCalls rights_;
  SampleSource sample_source_;
  Samples samples_;
  std::atomic<bool> is_told_{true};  // the last one, on @stats
  RecentTotals recent_totals_{
      [this](RecentTotals::Done done) { totals_with_topics(std::move(done)); }};
};

}  // namespace zws
