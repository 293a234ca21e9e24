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

// Names this process among all.
std::string make_life() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}{:08x}", device(), device(), device());
}

}  // namespace

Relay::Relay(const RelayConfig& config, std::string name, RelayMetrics& metrics)
    : config_(config),
      name_(std::move(name)),
      place_(RedisUrl::parse(config.redis).place()),
      metrics_(metrics),
      commands_(loop_, RedisUrl::parse(config.redis),
                {[this] { roster_.begin(); }, [this](const std::string& reason) { down(reason); }}),
      roster_(loop_, {&commands_, config.prefix, name_, make_life(), [this] { return self(); },
                      [this](Roster::Standing standing, const std::string& fault) {
                        stands(standing, fault);
                      }}),
      trouble_("it is not reached yet") {}

Relay::~Relay() { stop(); }

void Relay::start(std::function<FleetMember()> self) {
  self_ = std::move(self);
  commands_.start();
  thread_ = std::thread([this] { run(); });
  std::unique_lock lock(mutex_);
  settled_.wait_for(lock, start_max, [this] { return outcome_ != Outcome::open; });
  const Outcome outcome = outcome_;
  if (outcome == Outcome::open) outcome_ = Outcome::settled;  // from now on nobody asks
  const std::string why = trouble_;
  lock.unlock();
  if (outcome == Outcome::too_old || outcome == Outcome::taken)
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
  return self_();
}

// --- how it stands -------------------------------------------------------------------------------

void Relay::down(const std::string& reason) {
  roster_.end();
  set_trouble(reason);
  settle(commands_.too_old() ? Outcome::too_old : Outcome::settled);
}

void Relay::stands(Roster::Standing standing, const std::string& fault) {
  if (standing == Roster::Standing::member) return listen();
  ear_.reset();
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

void Relay::listen() {
  ear_ = std::make_unique<RedisLink>(
      loop_, RedisUrl::parse(config_.redis),
      RedisLink::Handlers{[this] {
                            ear_->send({"SUBSCRIBE", config_.prefix + "answers:" + name_},
                                       [this](const redisReply* answer) {
                                         if (answer == nullptr) return;
                                         if (answer->type != REDIS_REPLY_ERROR) return heard();
                                         ear_->reconnect("Redis answers: " +
                                                         log::escaped(answer->str, 200));
                                       });
                          },
                          [this](const std::string& reason) { set_trouble(reason); }});
  ear_->start();
}

void Relay::heard() {
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

void Relay::members(std::function<void(std::vector<FleetMember>)> done) {
  asio::post(loop_, [this, done = std::move(done)] { roster_.members(done); });
}

}  // namespace zws
