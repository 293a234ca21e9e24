#include "config/live_config.hpp"

#include "config/advice.hpp"
#include "config/reload.hpp"
#include "core/error.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

void log_advice(const Config& config, const Origins& origins) {
  for (const std::string& line : advice(config, origins)) log::warning("configuration: {}", line);
}

}  // namespace

LiveConfig::LiveConfig(ConfigSources sources)
    : sources_(std::move(sources)),
      current_(std::make_shared<const Config>(load_config(sources_, &origins_))) {
  log::configure(current_->log.level, current_->log.format, current_->log.audit);
  log_advice(*current_, origins_);
}

bool LiveConfig::reload(const std::function<void(const ConfigPtr&, const Origins&)>& apply) try {
  Reloaded reloaded = reload_config(*current_, sources_);
  auto next = std::make_shared<const Config>(std::move(reloaded.config));
  apply(next, reloaded.origins);
  current_ = std::move(next);
  origins_ = std::move(reloaded.origins);
  log::configure(current_->log.level, current_->log.format, current_->log.audit);
  for (const ConfigChange& change : reloaded.changes)
    log::info("configuration: {} {} -> {}{}", log::escaped(change.key, 300), change.before,
              change.after, change.needs_restart ? " (needs a restart)" : "");
  log_advice(*current_, origins_);
  log::info("configuration reloaded, {} keys changed", reloaded.changes.size());
  return true;
} catch (const StartupError& error) {
  log::error("the configuration is not reloaded, the old one stays: {}", error.what());
  return false;
}

}  // namespace zws
