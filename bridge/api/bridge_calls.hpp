// BridgeCalls: what this bridge is, and what is set in it (docs/REST.md).
//
// Thread: each on the lane that took the request; reload() from main at any time.
// Lifetime: outlives the lanes' threads.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "api/request.hpp"
#include "config/config.hpp"
#include "config/load.hpp"
#include "core/clock.hpp"
#include "core/fleet.hpp"
#include "core/http.hpp"
#include "lane/lanes.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class BridgeCalls {
 public:
  struct Parts {
    Lanes* lanes = nullptr;
    const Metrics* metrics = nullptr;
    const std::atomic<bool>* ready = nullptr;
    std::string name;
    Fleet* fleet = nullptr;  // null: this bridge stands alone
  };

  explicit BridgeCalls(Parts parts) : parts_(std::move(parts)) {}

  void reload(const ConfigPtr& config, const Origins& origins);

  void config(const ApiRequest& request, HttpReply reply);
  // Without a relay this bridge is all of its fleet.
  void bridges(const ApiRequest& request, HttpReply reply);

  // The list that `bridges` answers with, each time that it is known anew, else nothing. In a fleet it is asked for
  // here and told at the next call, so nobody waits for Redis. Thread: one.
  std::string news();

  // This bridge as it stands. Thread: any.
  FleetMember self() const;

 private:
  struct InForce {
    ConfigPtr config;
    Origins origins;
    WallTime since;
  };

  // Of the fleet; an answer may outlive who asked.
  struct News {
    std::mutex mutex;  // over the others
    std::string list;  // empty: told already
    SteadyTime since{};
    bool is_asked = false;
  };

  const Parts parts_;
  const std::shared_ptr<News> news_ = std::make_shared<News>();
  const WallTime started_ = std::chrono::system_clock::now();
  std::shared_ptr<const InForce> in_force_;  // by std::atomic_load and _store
};

}  // namespace zws
