// zws bench: loads a bridge with clients and events and says what it cost.
#include <memory>

#include "bench/payload.hpp"
#include "bench/reconnect.hpp"
#include "bench/report.hpp"
#include "bench/run.hpp"
#include "command.hpp"

namespace zws::tool {
namespace {

Exit conclude(BenchReport& report, BenchRun& run, bool stalled) {
  run.end();
  report.add(run.swarm(), stalled);
  return report.print();
}

// The measured traffic once more, while some clients do not read; then they take what waited.
bool stop_some(const Load& load, BenchRun& run, BenchReport& report) {
  for (std::uint32_t c = 0; c < load.stopped; ++c) run.swarm().set_reading(c, false);
  const TrafficResult stopped = run.traffic("stopped", load.stop_seconds);
  for (std::uint32_t c = 0; c < load.stopped; ++c) run.swarm().set_reading(c, true);
  const TrafficResult after = run.traffic("after", 1);
  report.add("stop", stopped);
  return stopped.stalled || after.stalled;
}

Exit traffic(const std::string& mode, const Load& load) {
  BenchRun run(load);
  for (std::uint32_t c = 0; c < load.stopped; ++c) run.swarm().set_group(c, Group::disturbed);
  BenchReport report(mode, load);
  report.add(run.connect());
  if (load.rest > 0) report.add(run.rest());
  bool stalled = load.warmup > 0 && run.traffic("warming up", load.warmup).stalled;
  if (!stalled) {
    const TrafficResult measured = run.traffic("measuring", load.seconds);
    report.add("traffic", measured);
    stalled = measured.stalled;
  }
  if (!stalled && load.stopped != 0) stalled = stop_some(load, run, report);
  return conclude(report, run, stalled);
}

Exit idle(const Load& load) {
  BenchRun run(load);
  BenchReport report("idle", load);
  report.add(run.connect());
  report.add(run.rest());
  return conclude(report, run, false);
}

void add_common(CLI::App& mode, Load& load) {
  mode.add_option("--url", load.login.url, "the bridge's WebSocket address (default: $ZWS_URL)")
      ->envname("ZWS_URL")
      ->capture_default_str();
  add_token_options(mode, load.login);
  mode.add_option("--publish", load.publish,
                  "the ZeroMQ endpoint the bridge binds (default: $ZWS_ENDPOINT)")
      ->envname("ZWS_ENDPOINT")
      ->capture_default_str();
  mode.add_option("--clients", load.clients, "WebSocket clients")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  mode.add_option("--topics", load.topics, "topics; each client follows its share, at least one")
      ->check(CLI::Range(1U, 10'000'000U))
      ->capture_default_str();
  mode.add_flag("--patterns", load.patterns, "subscribe by patterns instead of names");
  mode.add_option("--connecting", load.connecting, "handshakes in progress at a time")
      ->check(CLI::Range(1U, 100'000U))
      ->capture_default_str();
  mode.add_option("--pid", load.pids,
                  "a process of the bridge on this machine: its CPU and memory");
  mode.add_flag("--json", load.json, "one JSON object instead of lines");
}

void add_traffic(CLI::App& mode, Load& load) {
  mode.add_option("--size", load.size, "bytes of a payload")
      ->check(CLI::Range(Payload::smallest, std::size_t{1} << 24))
      ->capture_default_str();
  mode.add_option("--seconds", load.seconds, "measured traffic")
      ->check(CLI::Range(0.1, 86'400.0))
      ->capture_default_str();
}

void add_warmup(CLI::App& mode, Load& load) {
  mode.add_option("--warmup", load.warmup, "seconds of the same traffic before")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  mode.add_option("--rest", load.rest, "quiet seconds after connecting, memory read at their end")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
}

void add_rate(CLI::App& mode, Load& load) {
  mode.add_option("--rate", load.rate, "events a second over all topics")
      ->check(CLI::Range(0.01, 1e7))
      ->capture_default_str();
  mode.add_option("--burst", load.burst, "events due at one instant (default: those of 200 us)")
      ->check(CLI::Range(1U, 1'000'000U));
}

using LoadPtr = std::shared_ptr<Load>;

LoadPtr add_fanout(CLI::App& bench) {
  auto load = std::make_shared<Load>();
  auto* mode = bench.add_subcommand("fanout", "as fast as every client can take it");
  add_common(*mode, *load);
  add_traffic(*mode, *load);
  add_warmup(*mode, *load);
  mode->add_option("--in-flight", load->in_flight,
                   "events on their way to a client, on average, at most")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  return load;
}

LoadPtr add_latency(CLI::App& bench) {
  auto load = std::make_shared<Load>();
  load->rate = 100;
  auto* mode = bench.add_subcommand("latency", "at a rate: how long an event is on its way");
  add_common(*mode, *load);
  add_traffic(*mode, *load);
  add_warmup(*mode, *load);
  add_rate(*mode, *load);
  mode->add_option("--stopped", load->stopped, "clients that stop reading after --seconds")
      ->capture_default_str();
  mode->add_option("--stop-seconds", load->stop_seconds, "for how long")
      ->check(CLI::Range(0.1, 86'400.0))
      ->capture_default_str();
  return load;
}

LoadPtr add_idle(CLI::App& bench) {
  auto load = std::make_shared<Load>();
  load->clients = load->topics = 10'000;
  load->rest = 5;
  auto* mode = bench.add_subcommand("idle", "connected and quiet: memory and CPU a connection");
  add_common(*mode, *load);
  mode->add_option("--seconds", load->rest, "quiet time")
      ->check(CLI::Range(0.1, 86'400.0))
      ->capture_default_str();
  return load;
}

LoadPtr add_reconnect(CLI::App& bench) {
  auto load = std::make_shared<Load>();
  load->clients = 10'000;
  load->topics = 100;
  load->rate = 200;
  load->seconds = 5;
  auto* mode =
      bench.add_subcommand("reconnect", "clients leave and come back for what they missed");
  add_common(*mode, *load);
  add_traffic(*mode, *load);
  add_rate(*mode, *load);
  mode->add_option("--witnesses", load->witnesses, "clients that stay, besides --clients")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  mode->add_option("--away", load->away, "seconds before the first comes back")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  mode->add_option("--within", load->within, "seconds in which all come back, evenly")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  return load;
}

Exit run_mode(const std::string& mode, const Load& load) {
  if (load.stopped >= load.clients) {
    throw Failure(Exit::usage, "--stopped: must leave at least one client reading");
  }
  if (mode == "idle") return idle(load);
  if (mode != "reconnect") return traffic(mode, load);
  if (load.topics > load.clients || load.patterns) {
    throw Failure(Exit::usage, "reconnect: takes no --patterns and at most one topic a client");
  }
  return Reconnect(load).run();
}

}  // namespace

void add_bench(CLI::App& app, Run& run) {
  auto* bench = app.add_subcommand("bench", "Loads a bridge and says what each delivery costs");
  bench->require_subcommand(1);
  bench->footer(
      "Exit code 1: an event was lost without a word, doubled or out of order, or a client was "
      "closed.\n"
      "With a token all clients are one user's: limits.connections_per_user bounds them.\n\n"
      "Examples:\n"
      "  zws bench fanout --clients 1000 --seconds 10\n"
      "  zws bench latency --rate 100 --json");
  const auto add = [&](const std::string& mode, const LoadPtr& load) {
    bench->get_subcommand(mode)->callback(
        [&run, mode, load] { run = [mode, load] { return run_mode(mode, *load); }; });
  };
  add("fanout", add_fanout(*bench));
  add("latency", add_latency(*bench));
  add("idle", add_idle(*bench));
  add("reconnect", add_reconnect(*bench));
}

}  // namespace zws::tool
