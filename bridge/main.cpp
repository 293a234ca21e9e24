// zwsbridge: takes events from ZeroMQ producers and gives them to WebSocket clients by topic.
//
// Start, wait, stop: the whole program as a diagram. Data flows down, and what is downstream is built
// first and stopped last.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>

#include "api/api.hpp"
#include "auth/key_fetcher.hpp"
#include "auth/verifier.hpp"
#include "certificate_watch.hpp"
#include "config/advice.hpp"
#include "config/bridge_name.hpp"
#include "config/command_line.hpp"
#include "config/live_config.hpp"
#include "config/print.hpp"
#include "core/error.hpp"
#include "core/hash_key.hpp"
#include "core/log.hpp"
#include "core/log_writer.hpp"
#include "core/version.hpp"
#include "exchange/exchange.hpp"
#include "ingest/source.hpp"
#include "lane/lanes.hpp"
#include "metrics/metrics.hpp"
#include "port/tls.hpp"
#include "readiness.hpp"
#include "relay/relay.hpp"
#include "relay/relay_history.hpp"
#include "service.hpp"
#include "signals.hpp"

namespace zws {
namespace {

std::string share_folder() {
  std::error_code fault;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", fault);
  return (program.parent_path().parent_path() / "share/zwsbridge").string();
}

// Says which certificate is in force.
void tell_certificate(const TlsPtr& tls, Metrics& metrics) {
  if (tls) tls->log_certificate();
  metrics.tls_not_after.set(tls ? tls->certificate_not_after() : 0);
}

// How long main may sleep: who had a token of a fetched key that has gone is looked for soon.
std::chrono::milliseconds pause(const Service& service, const Config& config) {
  constexpr std::chrono::milliseconds soon{1000};
  return config.auth.jwks_url.empty() ? service.alive_interval()
                                      : std::min(service.alive_interval(), soon);
}

void count_fetch(bool succeeded, Metrics& metrics) {
  metrics.jwks_failed.set(succeeded ? 0 : 1);
  if (succeeded)
    metrics.jwks_fetched.set(
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                       std::chrono::system_clock::now().time_since_epoch())
                                       .count()));
}

// Null where the bridge stands alone.
std::unique_ptr<Relay> make_relay(const Config& config, const std::string& name, Metrics& metrics) {
  if (config.relay.redis.empty()) return nullptr;
  return std::make_unique<Relay>(config, name, metrics.relay);
}

// Where serve() ends by an exception: threads call each other's objects both ways, so all of them have ended before
// the first of these goes.
struct Threads {
  Lanes& lanes;
  Source& source;
  RelayHistory* kept;
  KeyFetcher& key_fetcher;
  Verifier& verifier;
  Api& api;
  Relay* relay;

  ~Threads() {
    lanes.stop();
    source.stop();
    if (kept != nullptr) kept->stop();
    key_fetcher.stop();
    verifier.stop();
    api.stop();
    if (relay != nullptr) relay->stop();
  }
};

int serve(const Signals& signals, LiveConfig& config) {
  const std::size_t lanes_wanted = Lanes::count_for(*config.current());
  // One lane allocates nearly alone, and glibc's arenas for further threads grow a page at a time.
  if (lanes_wanted == 1) ::mallopt(M_ARENA_MAX, 1);
  Metrics metrics(lanes_wanted);
  const TlsPtr tls = Tls::load(config.current()->server, config.origins());
  Verifier verifier(config.current()->auth);
  KeyFetcher key_fetcher(config.current()->auth, verifier,
                         [&](bool succeeded) { count_fetch(succeeded, metrics); });
  Exchange exchange(config.current(), metrics);
  const auto kept = RelayHistory::make(config.current(), exchange, metrics);
  exchange.keep_in(kept.get());
  Lanes lanes(config.current(), verifier, exchange, metrics);
  exchange.post_to(lanes.sinks());
  Source source(config.current(), exchange, metrics);
  const std::string name = bridge_name(config.current()->relay, lanes.addresses().front().text);
  const std::unique_ptr<Relay> relay = make_relay(*config.current(), name, metrics);
  Api api({config.current(), config.origins(), &lanes, &exchange, &verifier, &metrics,
           share_folder(), &key_fetcher, name, relay.get()});
  const Threads threads{lanes, source, kept.get(), key_fetcher, verifier, api, relay.get()};
  if (relay)
    relay->start({[&api] { return api.calls().self(); },
                  [&api](FleetCall call, std::function<void(FleetAnswer)> done) {
                    api.calls().carry_out(std::move(call), std::move(done));
                  }});
  const Service service;

  if (kept) kept->start();
  const bool fed = lanes.feed_from(source);
  lanes.start(tls, api, [&] { api.each_second(); });
  if (!fed) source.start();
  api.set_ready();
  std::string producers;
  for (const std::string& address : source.addresses()) producers += " " + address;
  for (const std::string& address : source.repair_addresses())
    producers += (address == source.repair_addresses().front() ? ", repair at " : " ") + address;
  tell_certificate(tls, metrics);
  std::string clients;
  for (const ListenAddress& address : lanes.addresses())
    clients += (clients.empty() ? "" : ", ") +
               std::string(address.local ? ""
                           : tls         ? "https://"
                                         : "http://") +
               address.text;
  log::info("listening on {} (WebSocket at {}), producers at{}; zwsbridge {}", clients,
            config.current()->server.path, producers, version());
  service.ready();
  CertificateWatch certificate_watch;
  certificate_watch.look(metrics.tls_not_after.value());

  for (Signal signal = Signal::none; signal != Signal::stop;
       signal = signals.next(pause(service, *config.current()))) {
    if (lanes.alive()) service.alive();  // a lane that hangs is for the watchdog
    certificate_watch.look(metrics.tls_not_after.value());
    if (key_fetcher.key_gone()) lanes.review();
    if (signal != Signal::reload) continue;
    service.reloading();
    const bool reloaded = config.reload([&](const ConfigPtr& next, const Origins& origins) {
      // These three may throw, before anything has changed.
      const TlsPtr next_tls = Tls::load(next->server, origins);
      CurveKeys keys = read_curve_keys(next->ingest);
      verifier.reload(next->auth);
      key_fetcher.reload(next->auth);
      if (next->auth.jwks_url.empty()) metrics.jwks_failed.set(0);  // nothing is to be fetched
      tell_certificate(next_tls, metrics);
      exchange.reload(next);
      if (kept) kept->reload(next);
      source.reload(next, std::move(keys));
      lanes.reload(next, next_tls);
      api.reload(next, origins);
      if (relay) relay->reload(next->limits);
    });
    metrics.reload_failed.set(reloaded ? 0 : 1);
    certificate_watch.look(metrics.tls_not_after.value());
    service.ready();
  }

  service.stopping(config.current()->server.drain_timeout);
  log::info("stopping: {} clients are told to come back", lanes.admission().connections());
  // Whoever is told to come back later hears events until then.
  lanes.drain(config.current()->server.drain_timeout,
              [&] { return signals.next(std::chrono::milliseconds(0)) == Signal::stop; });
  lanes.stop_feeding();
  source.stop();
  if (kept) kept->stop();
  key_fetcher.stop();
  verifier.stop();
  api.stop();
  if (relay) relay->stop();
  lanes.stop();
  log::info("stopped");
  return 0;
}

// Whether lines of JSON are asked for where that is seen before a file is read.
bool asks_for_json(const ConfigSources& sources) {
  const auto holds = [](const std::vector<std::string>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
  };
  return holds(sources.set, "log.format=json") ||
         holds(sources.environment, "ZWSBRIDGE_LOG_FORMAT=json");
}

// What keeps it from serving is a line of the log where the log is for programs: they read nothing else.
int run(const ConfigSources& sources) {
  const Signals signals;
  const log::Thread log_thread;
  bool in_json = asks_for_json(sources);
  if (in_json) log::configure(log::Level::info, log::Format::json);
  try {
    LiveConfig config(sources);
    in_json = config.current()->log.format == log::Format::json && log::enabled(log::Level::error);
    return serve(signals, config);
  } catch (const StartupError& error) {
    if (!in_json) throw;
    log::error("{}", error.what());
    return error.exit_code();
  }
}

// One of 0 to 2 that is closed would go to the next socket or file, and the log into that.
void fill_standard_descriptors() noexcept {
  int descriptor = 0;
  while ((descriptor = ::open("/dev/null", O_RDWR)) >= 0 && descriptor <= STDERR_FILENO) {
  }
  if (descriptor > STDERR_FILENO) ::close(descriptor);
}

int answer(const CommandLine& command) {
  switch (command.verb) {
    case CommandLine::Verb::run: return run(command.sources);
    case CommandLine::Verb::print_text: std::cout << command.text; return 0;
    case CommandLine::Verb::check: {
      Origins origins;
      const Config config = load_config(command.sources, &origins);
      const TlsPtr tls = Tls::load(config.server, origins);
      CertificateWatch().look(tls ? tls->certificate_not_after() : 0);
      const Verifier verifier(config.auth);
      read_curve_keys(config.ingest);
      const std::vector<std::string> remarks = advice(config, origins);
      for (const std::string& line : remarks) std::cerr << "zwsbridge: warning: " << line << '\n';
      return command.strict && !remarks.empty() ? StartupError::configuration : 0;
    }
    case CommandLine::Verb::ready: {
      const std::string fault = why_not_ready(load_config(command.sources).server);
      if (!fault.empty()) throw StartupError(StartupError::machine, fault);
      return 0;
    }
    case CommandLine::Verb::print_config: {
      Origins origins;
      const Config config = load_config(command.sources, &origins);
      std::cout << print_config(config, command.with_origin ? &origins : nullptr);
      return 0;
    }
  }
  return 0;
}

// Why it ends. A stderr that nobody reads does not keep it from ending.
void say_why(const std::exception& error) {
  write_within(STDERR_FILENO, std::string("zwsbridge: ") + error.what() + '\n',
               std::chrono::seconds(1));
}

}  // namespace
}  // namespace zws

int main(int argc, char** argv) try {
  zws::fill_standard_descriptors();
  zws::draw_hash_key();
  return zws::answer(zws::parse_command_line(argc, argv, environ));
} catch (const zws::StartupError& error) {
  zws::say_why(error);
  return error.exit_code();
} catch (const std::exception& error) {
  zws::say_why(error);
  return zws::StartupError::machine;
}
