#include "config/live_config.hpp"

#include <algorithm>

#include "config/advice.hpp"
#include "core/error.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

void log_advice(const Config& config, const Origins& origins) {
  for (const std::string& line : advice(config, origins)) log::warning("configuration: {}", line);
}

// "settings changed: server.console, log.level"
std::string summary(const std::vector<ConfigChange>& changes) {
  constexpr std::size_t named_max = 10;
  if (changes.empty()) return "no setting changed";
  std::string text = "settings changed: ";
  for (std::size_t i = 0; i < std::min(changes.size(), named_max); ++i)
    text += (i == 0 ? "" : ", ") + log::escaped(changes[i].key, 300) +
            (changes[i].needs_restart ? " (after a restart)" : "");
  if (changes.size() > named_max)
    text += " and " + std::to_string(changes.size() - named_max) + " more";
  return text;
}

}  // namespace

LiveConfig::LiveConfig(ConfigSources sources)
    : sources_(std::move(sources)),
      current_(std::make_shared<const Config>(load_config(sources_, &origins_))) {
  log::configure(current_->log.level, current_->log.format, current_->log.audit);
  log_advice(*current_, origins_);
}

bool LiveConfig::reload(const Apply& apply) try {
  Reloaded reloaded = reload_config(*current_, sources_);
  auto next = std::make_shared<const Config>(std::move(reloaded.config));
  put_in_force(next, reloaded.origins, apply);
  current_ = std::move(next);
  origins_ = std::move(reloaded.origins);
  log::configure(current_->log.level, current_->log.format, current_->log.audit);
  tell(reloaded.changes);
  return true;
} catch (const std::exception& error) {
  log::error("the configuration is not reloaded, the old one stays: {}", error.what());
  return false;
}

// A StartupError has changed nothing. After anything else a part may hold already, and is taken back.
void LiveConfig::put_in_force(const ConfigPtr& next, const Origins& origins, const Apply& apply) {
  try {
    apply(next, origins);
  } catch (const StartupError&) {
    throw;
  } catch (const std::exception&) {
    take_back(apply);
    throw;
  }
}

void LiveConfig::take_back(const Apply& apply) const noexcept try {
  apply(current_, origins_);
} catch (const std::exception& error) {
  log::error("a part of the refused configuration may be in force, restart the bridge: {}",
             error.what());
}

// It is in force, whether or not there is memory to say so.
void LiveConfig::tell(const std::vector<ConfigChange>& changes) const noexcept try {
  for (const ConfigChange& change : changes)
    log::info("configuration: {} {} -> {}{}", log::escaped(change.key, 300), change.before,
              change.after, change.needs_restart ? " (needs a restart)" : "");
  log_advice(*current_, origins_);
  log::info("configuration reloaded, {}", summary(changes));
} catch (const std::exception&) {
}

}  // namespace zws
