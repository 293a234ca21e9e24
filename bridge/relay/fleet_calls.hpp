// FleetCalls: calls to the other bridges and theirs to this one, by two channels of Redis: every bridge
// hears PREFIX "calls"; the answers go to PREFIX "answers:" and the name of whoever asked.
//
// Redis says how many hear a call, so the answer waits for just those, and a second at most.
//
// Thread: the one that runs `loop`. Lifetime: `link` outlives it.
// Bounds: a second for each call that is asked; 256 of others' that are being carried out, more are refused.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/fleet.hpp"
#include "core/log.hpp"
#include "metrics/metrics.hpp"
#include "relay/call_gate.hpp"
#include "relay/redis_link.hpp"

namespace zws {

class FleetCalls {
 public:
  // Does here what another bridge was asked; `done` is called once, on any thread.
  using CarryOut = std::function<void(FleetCall call, std::function<void(FleetAnswer)> done)>;

  struct Parts {
    RedisLink* link;
    std::string channels;  // what their names begin with
    std::string name;
    std::string life;
    std::size_t payload_max;
    RelayMetrics* metrics;
    CarryOut carry_out;
  };

  FleetCalls(asio::io_context& loop, Parts parts);
  ~FleetCalls() { *there_ = false; }
  FleetCalls(const FleetCalls&) = delete;
  FleetCalls& operator=(const FleetCalls&) = delete;

  std::string calls_channel() const { return parts_.channels + "calls"; }
  std::string answers_channel() const { return parts_.channels + "answers:" + parts_.name; }

  // Asks Redis for its time, by which calls are dated, now and every 10 s until end(). `known` is told what
  // it answers in place of a time the first time; empty: it is known.
  void begin(std::function<void(const std::string& fault)> known);
  void end();

  // No longer event is taken from another bridge.
  void set_payload_max(std::size_t bytes) noexcept { gate_.set_payload_max(bytes); }

  // Whether this bridge hears both channels.
  void hear(bool hears) noexcept { hears_ = hears; }

  void call(FleetCall call, std::function<void(std::vector<FleetAnswer>)> done);

  // What came over one of the channels.
  void take(std::string_view channel, std::string_view text);

 private:
  struct Asked {
    explicit Asked(asio::io_context& loop) : deadline(loop) {}

    std::function<void(std::vector<FleetAnswer>)> done;
    std::vector<FleetAnswer> answers;
    std::set<std::string> who;
    std::optional<std::size_t> wanted;  // answers; not known yet
    asio::steady_timer deadline;
  };

  void ask_time(std::function<void(const std::string& fault)> known);
  void ask_time_in(std::chrono::seconds pause);
  void heard_by(const std::string& id, const redisReply* answer);
  void finish_if_whole(const std::string& id);
  void finish(const std::string& id);
  void take_call(std::string_view text);
  void take_answer(std::string_view text);
  void answer(const CallText& call, FleetAnswer answer);
  void refuse();

  asio::io_context& loop_;
  const Parts parts_;
  CallGate gate_;
  bool hears_ = false;
  asio::steady_timer time_timer_;
  std::uint64_t numbered_ = 0;
  std::map<std::string, std::unique_ptr<Asked>> asked_;
  std::size_t in_hand_ = 0;  // of others, not answered yet
  log::Quiet refused_log_;
  std::shared_ptr<bool> there_ = std::make_shared<bool>(true);
};

}  // namespace zws
