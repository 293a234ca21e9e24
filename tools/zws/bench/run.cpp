#include "bench/run.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "failure.hpp"

namespace zws::tool {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t patience_ns = 10 * second_ns;  // with events on their way
constexpr int turn_ms = 20;

// Short, since every frame carries it: five digits of base 36 from the clock and the process.
std::string mark_of_run() {
  auto rest = static_cast<std::uint64_t>(monotonic_ns() / 1000 + ::getpid());
  std::string mark(5, '0');
  for (char& digit : mark) {
    digit = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
    rest /= 36;
  }
  return mark;
}

// One descriptor a client and some to spare.
const Load& with_descriptors(const Load& load) {
  const rlim_t wanted = rlim_t{load.clients} + 64;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return load;
  limit.rlim_cur = std::min(limit.rlim_max, wanted);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    throw Failure(Exit::failed, "--clients " + std::to_string(load.clients) +
                                    ": this process may open " + std::to_string(limit.rlim_max) +
                                    " descriptors (ulimit -Hn)");
  }
  return load;
}

double seconds_since(std::int64_t begin_ns) {
  return static_cast<double>(monotonic_ns() - begin_ns) / second_ns;
}

}  // namespace

BenchRun::BenchRun(const Load& load)
    : load_(with_descriptors(load)),
      origin_ns_(monotonic_ns()),
      target_(load.login.url, token_of(load.login)),
      topics_(load, mark_of_run()),
      window_(load.rate > 0 ? 0 : std::uint64_t{load.in_flight} * load.clients),
      swarm_(load, target_, topics_, window_, origin_ns_),
      publisher_(load, topics_, window_, origin_ns_),
      progress_(!load.json),
      memory_before_(MemoryUsage::of(load.pids)) {}

ConnectResult BenchRun::connect() {
  ConnectResult result;
  const CpuUsage cpu = CpuUsage::of(load_.pids);
  const SwarmCounts& counts = swarm_.counts();
  const std::int64_t begin = monotonic_ns();
  std::int64_t advanced = begin;
  std::uint32_t live = 0;
  for (std::uint32_t next = 0; counts.live < load_.clients;) {
    while (next < load_.clients && counts.in_progress < load_.connecting && counts.failed == 0) {
      swarm_.open(next++);
    }
    swarm_.turn(turn_ms);
    if (counts.failed != 0) {
      const FirstFailure& first = swarm_.first_failure();
      throw Failure(first.exit, load_.login.url + ": client " + std::to_string(counts.live + 1) +
                                    " of " + std::to_string(load_.clients) + ": " + first.reason);
    }
    const std::int64_t now = monotonic_ns();
    if (counts.live != live) advanced = now;
    live = counts.live;
    if (now - advanced > patience_ns) {
      throw Failure(Exit::timed_out, load_.login.url + ": " + std::to_string(load_.clients - live) +
                                         " clients got no answer for 10 s");
    }
    progress_.show(now, "connecting", static_cast<double>(live) / load_.clients);
  }
  result.seconds = seconds_since(begin);
  result.clients = load_.clients;
  result.server = server_since(cpu);
  result.join_time = swarm_.join_time();
  return result;
}

RestResult BenchRun::rest() {
  RestResult result;
  result.before = memory_before_;
  const CpuUsage cpu = CpuUsage::of(load_.pids);
  const std::int64_t begin = monotonic_ns();
  while (seconds_since(begin) < load_.rest) {
    swarm_.turn(turn_ms);
    progress_.show(monotonic_ns(), "resting", seconds_since(begin) / load_.rest);
  }
  result.seconds = seconds_since(begin);
  result.server = server_since(cpu);
  result.after = MemoryUsage::of(load_.pids);
  return result;
}

void BenchRun::begin(const std::string& label, double seconds) {
  label_ = label;
  planned_seconds_ = seconds;
  stalled_ = false;
  swarm_.tally(Group::steady).latency = {};
  swarm_.tally(Group::disturbed).latency = {};
  begin_delivered_ = last_delivered_ = delivered();
  begin_bytes_ = swarm_.tally(Group::steady).bytes + swarm_.tally(Group::disturbed).bytes;
  begin_sent_ = publisher_.sent();
  begin_reads_ = swarm_.counts().reads;
  begin_cpu_ = CpuUsage::of(load_.pids);
  begin_own_us_ = CpuUsage::own_us();
  begin_ns_ = last_ns_ = monotonic_ns();
  publisher_.start(seconds);
}

bool BenchRun::turn() {
  swarm_.turn(turn_ms);
  const std::int64_t now = monotonic_ns();
  if (delivered() != last_delivered_) {
    last_delivered_ = delivered();
    last_ns_ = now;
  }
  progress_.show(now, label_, elapsed() / planned_seconds_);
  // At a very low rate silence means nothing, so only a held-up publisher counts as a stall here.
  stalled_ = load_.rate <= 0 && now - last_ns_ > patience_ns;
  return publisher_.sending() && !stalled_;
}

TrafficResult BenchRun::finish() {
  publisher_.stop();
  const std::vector<std::uint32_t> sent = publisher_.sent_by_topic();
  const std::int64_t stopped_ns = monotonic_ns();
  while (!stalled_ && !swarm_.caught_up(sent)) {
    turn();
    stalled_ = monotonic_ns() - std::max(last_ns_, stopped_ns) > patience_ns;
  }
  TrafficResult result;
  result.seconds = static_cast<double>(last_ns_ - begin_ns_) / second_ns;
  result.server = server_since(begin_cpu_);
  result.generator_us = CpuUsage::own_us() - begin_own_us_;
  result.events = publisher_.sent() - begin_sent_;
  result.deliveries = delivered() - begin_delivered_;
  result.bytes =
      swarm_.tally(Group::steady).bytes + swarm_.tally(Group::disturbed).bytes - begin_bytes_;
  result.reads = swarm_.counts().reads - begin_reads_;
  result.publisher_late_ns = publisher_.latest_ns();
  result.stalled = stalled_;
  result.steady = swarm_.tally(Group::steady).latency;
  result.disturbed = swarm_.tally(Group::disturbed).latency;
  progress_.clear();
  return result;
}

TrafficResult BenchRun::traffic(const std::string& label, double seconds) {
  begin(label, seconds);
  while (turn()) {
  }
  return finish();
}

double BenchRun::elapsed() const noexcept { return seconds_since(begin_ns_); }

std::uint64_t BenchRun::delivered() noexcept {
  return swarm_.tally(Group::steady).delivered + swarm_.tally(Group::disturbed).delivered;
}

CpuUsage BenchRun::server_since(const CpuUsage& begin) const {
  const CpuUsage now = CpuUsage::of(load_.pids);
  return {now.total_us - begin.total_us, now.user_us - begin.user_us,
          now.system_us - begin.system_us};
}

}  // namespace zws::tool
