#include "relay/relay.hpp"

#include <hiredis/hiredis.h>

#include <asio/post.hpp>
#include <random>

#include "core/error.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::chrono::seconds start_max{3};
constexpr std::chrono::seconds stop_max{1};

std::string_view text_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view{} : std::string_view(reply.str, reply.len);
}

// Names this process among all.
std::string make_life() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}{:08x}", device(), device(), device());
}

// What the names of channels begin with. A channel is all databases'; a fleet is one database's.
std::string channels_of(const RelayConfig& config) {
  const std::string db = RedisUrl::parse(config.redis).db;
  return db == "0" ? config.prefix : config.prefix + '/' + db + ':';
}

}  // namespace

Relay::Relay(const Config& config, std::string name, RelayMetrics& metrics)
    : config_(config.relay),
      name_(std::move(name)),
      place_(RedisUrl::parse(config_.redis).place()),
      metrics_(metrics),
      life_(make_life()),
      commands_(loop_, RedisUrl::parse(config_.redis),
                {[this] { roster_.begin(); }, [this](const std::string& reason) { down(reason); }}),
      roster_(loop_, {&commands_, config_.prefix, channels_of(config_), name_, life_,
                      [this] { return self(); },
                      [this](Roster::Standing standing, const std::string& fault) {
                        stands(standing, fault);
                      }}),
      calls_(loop_,
             {&commands_, channels_of(config_), name_, life_, config.limits.event_bytes, &metrics,
              [this](FleetCall call, std::function<void(FleetAnswer)> done) {
                ours_.carry_out(std::move(call), std::move(done));
              }}),
      trouble_("it is not reached yet") {}

Relay::~Relay() { stop(); }

void Relay::start(Ours ours) {
  ours_ = std::move(ours);
  commands_.start();
  thread_ = std::thread([this] { run(); });
  std::unique_lock lock(mutex_);
  settled_.wait_for(lock, start_max, [this] { return outcome_ != Outcome::open; });
  const Outcome outcome = outcome_;
  if (outcome == Outcome::open) outcome_ = Outcome::settled;  // from now on nobody asks
  const std::string why = trouble_;
  lock.unlock();
  if (outcome != Outcome::too_old && outcome != Outcome::taken) return;
  stop();  // what it calls need not outlive a start that failed
  throw StartupError(StartupError::machine, "relay.redis " + place_ + ": " + why);
}

void Relay::stop() noexcept {
  if (!thread_.joinable()) return;
  asio::post(loop_, [this] { roster_.leave([this] { loop_.stop(); }); });
  asio::steady_timer timer(loop_, stop_max);
  timer.async_wait([this](const std::error_code&) { loop_.stop(); });
  thread_.join();
  ear_.reset();
  commands_.stop();
}

void Relay::reload(const LimitsConfig& limits) {
  asio::post(loop_, [this, bytes = limits.event_bytes] { calls_.set_payload_max(bytes); });
}

void Relay::run() noexcept {
  while (!loop_.stopped()) {
    try {
      loop_.run();
    } catch (const std::exception& error) {
      log::error("the relay failed at something and goes on: {}", error.what());
    }
  }
}

FleetMember Relay::self() {
  metrics_.lag_ms.set(static_cast<std::uint64_t>(commands_.lag().count()));
  return ours_.self();
}

// --- how it stands -------------------------------------------------------------------------------

void Relay::down(const std::string& reason) {
  roster_.end();
  set_trouble(reason);
  settle(commands_.too_old() ? Outcome::too_old : Outcome::settled);
}

void Relay::stands(Roster::Standing standing, const std::string& fault) {
  if (standing == Roster::Standing::member)
    return calls_.begin([this](const std::string& refusal) {
      if (roster_.standing() != Roster::Standing::member) return;
      if (refusal.empty()) return listen();
      set_trouble("Redis answers: " + refusal);
      settle(Outcome::settled);
    });
  apart();
  switch (standing) {
    case Roster::Standing::member:
    case Roster::Standing::unknown: return;
    case Roster::Standing::doubtful:
      set_trouble("its name " + name_ + " is that of a bridge which seems to have died");
      return settle(Outcome::settled);
    case Roster::Standing::taken:
      set_trouble("another bridge of the fleet has the name " + name_ +
                  ": set relay.name to another one");
      return settle(Outcome::taken);
    case Roster::Standing::refused:
      set_trouble("Redis answers: " + fault);
      return settle(Outcome::settled);
  }
}

void Relay::apart() {
  calls_.end();
  ear_.reset();
}

void Relay::listen() {
  const auto subscribe_both = [this] {
    subscribe(calls_.answers_channel(),
              [this] { subscribe(calls_.calls_channel(), [this] { heard(); }); });
  };
  const auto gone = [this](const std::string& reason) {
    calls_.hear(false);
    set_trouble(reason);
  };
  const auto take = [this](const redisReply& message) {
    calls_.take(text_of(*message.element[1]), text_of(*message.element[2]));
  };
  ear_ = std::make_unique<RedisLink>(loop_, RedisUrl::parse(config_.redis),
                                     RedisLink::Handlers{subscribe_both, gone, take});
  ear_->start();
}

void Relay::subscribe(const std::string& channel, std::function<void()> then) {
  ear_->send({"SUBSCRIBE", channel}, [this, then = std::move(then)](const redisReply* answer) {
    if (answer == nullptr) return;
    if (answer->type != REDIS_REPLY_ERROR) return then();
    ear_->reconnect("Redis answers: " + ear_->fault_of(*answer));
  });
}

void Relay::heard() {
  calls_.hear(true);
  set_trouble({});
  settle(Outcome::settled);
}

void Relay::set_trouble(const std::string& trouble) {
  metrics_.up.set(trouble.empty() ? 1 : 0);
  bool ends_the_start = false;
  {
    const std::lock_guard lock(mutex_);
    if (trouble == trouble_) return;
    trouble_ = trouble;
    const bool fatal = commands_.too_old() || roster_.standing() == Roster::Standing::taken;
    ends_the_start = outcome_ == Outcome::open && fatal;
  }
  if (ends_the_start) return;  // which says it
  if (trouble.empty())
    log::info("relay: this bridge is {} of the fleet at {}", name_, place_);
  else
    log::warning("relay: apart from the fleet at {}: {}", place_, trouble);
}

void Relay::settle(Outcome outcome) {
  {
    const std::lock_guard lock(mutex_);
    if (outcome_ != Outcome::open) return;
    outcome_ = outcome;
  }
  settled_.notify_one();
}

std::string Relay::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void Relay::call(FleetCall call, std::function<void(std::vector<FleetAnswer>)> done) {
  asio::post(loop_, [this, call = std::move(call), done = std::move(done)]() mutable {
    calls_.call(std::move(call), std::move(done));
  });
}

void Relay::members(std::function<void(std::vector<FleetMember>)> done) {
  asio::post(loop_, [this, done = std::move(done)] { roster_.members(done); });
}

}  // namespace zws
