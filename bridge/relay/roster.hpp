// Roster: who is in the fleet: this bridge's name in Redis, kept as long as it lives, and the others'.
//
// A key PREFIX "bridge:" NAME holds what the bridge tells of itself. It is written every 2 s and ends by
// itself after 6. The names are in the set PREFIX "bridges". A bridge that finds its name held by another
// one stays apart if that one lives: if the key changes, or somebody hears the channel that a bridge of
// this name hears (PREFIX "answers:" NAME). A bridge that died leaves neither, and its name is taken over.
//
// Thread: the one that runs `loop`. Lifetime: `link` outlives it, but is not asked by its end.
// Bound: 256 bridges are listed.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/fleet.hpp"
#include "relay/redis_link.hpp"

namespace zws {

class Roster {
 public:
  enum class Standing {
    unknown,   // Redis has not been asked, or is away
    doubtful,  // the name is another's who seems dead
    taken,     // the name is another's who lives
    refused,   // Redis answers with errors
    member
  };

  struct Parts {
    RedisLink* link;
    std::string prefix;    // of keys
    std::string channels;  // of channels: FleetCalls'
    std::string name;
    std::string life;
    std::function<FleetMember()> self;
    // With each change; `fault` is what Redis answers where it is refused.
    std::function<void(Standing, const std::string& fault)> on_change;
  };

  Roster(asio::io_context& loop, Parts parts);
  ~Roster() { *there_ = false; }
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;

  // The link is up, and down.
  void begin();
  void end();

  Standing standing() const noexcept { return standing_; }

  // Gives the name back if it is this bridge's still; `done` is called when that is done or cannot be.
  void leave(std::function<void()> done);

  void members(std::function<void(std::vector<FleetMember>)> done);

 private:
  void beat();
  bool is_held_by_this(const redisReply* holder) const;
  void give_back(const std::function<void()>& done);
  void judge_holder(const redisReply* holder);
  void doubt(const std::string& text);
  void write(const char* condition);
  void written(const redisReply* answer);
  void set(Standing standing, const std::string& fault = {});
  bool refuses(const redisReply& answer);
  std::string key_of(std::string_view name) const;
  void read(std::vector<std::string> names, std::function<void(std::vector<FleetMember>)> done);
  FleetMember self() const;

  const Parts parts_;
  Standing standing_ = Standing::unknown;
  std::uint64_t beats_ = 0;
  std::string doubted_;  // what the key held when its holder was last doubted
  SteadyTime doubted_at_{};
  bool leaving_ = false;
  asio::steady_timer timer_;
  std::shared_ptr<bool> there_ = std::make_shared<bool>(true);
};

}  // namespace zws
