// Relay: makes this bridge one of a fleet: all that it has to do with the other bridges, by way of Redis.
//
// One connection is for commands, one hears the fleet's channels. No event of a producer comes this way,
// and no lane waits for it: without Redis the bridge is alone and says why.
//
// Thread: one of its own, on which all of it lives; start() and stop() from main, Fleet's from any.
// Lifetime: what start() is given is called until stop().
#pragma once

#include <asio/io_context.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "config/config.hpp"
#include "core/fleet.hpp"
#include "metrics/metrics.hpp"
#include "relay/fleet_calls.hpp"
#include "relay/redis_link.hpp"
#include "relay/roster.hpp"

namespace zws {

class Relay final : public Fleet {
 public:
  // What the fleet wants of this bridge, on the relay's thread.
  struct Ours {
    std::function<FleetMember()> self;  // how it stands
    FleetCalls::CarryOut carry_out;
  };

  // `name`: this bridge's in the fleet.
  Relay(const Config& config, std::string name, RelayMetrics& metrics);
  ~Relay() override;

  // Returns when it is in the fleet, or 3 s later at the latest. Throws StartupError where Redis is too
  // old, or another bridge that lives has the name; then it has stopped.
  void start(Ours ours);

  // Gives the name back, within a second. A second call does nothing.
  void stop() noexcept;

  // From any thread. The rest of the configuration needs a restart.
  void reload(const LimitsConfig& limits);

  std::string trouble() const override;
  void call(FleetCall call, std::function<void(std::vector<FleetAnswer>)> done) override;
  void members(std::function<void(std::vector<FleetMember>)> done) override;

 private:
  enum class Outcome { open, settled, too_old, taken };

  void run() noexcept;
  FleetMember self();
  void down(const std::string& reason);
  void stands(Roster::Standing standing, const std::string& fault);
  void apart();
  void listen();
  void subscribe(const std::string& channel, std::function<void()> then);
  void heard();
  void set_trouble(const std::string& trouble);
  void settle(Outcome outcome);

  const RelayConfig config_;
  const std::string name_;
  const std::string place_;  // of Redis, for people
  RelayMetrics& metrics_;
  const std::string life_;
  Ours ours_;

  asio::io_context loop_;
  RedisLink commands_;
  Roster roster_;
  FleetCalls calls_;
  std::unique_ptr<RedisLink> ear_;  // while this bridge has its name

  mutable std::mutex mutex_;  // over the next two
  std::string trouble_;
  Outcome outcome_ = Outcome::open;
  std::condition_variable settled_;

  std::thread thread_;
};

}  // namespace zws
