#include "bench/report.hpp"

#include <cmath>
#include <cstdio>
#include <iostream>

namespace zws::tool {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, int digits) {
  const double scale = std::pow(10.0, digits);
  return std::round(value * scale) / scale;
}

Json milliseconds(const Histogram& histogram) {
  const auto ms = [](double ns) { return rounded(ns / 1e6, 4); };
  const auto at = [&](double quantile) { return ms(static_cast<double>(histogram.at(quantile))); };
  return {{"count", histogram.count()},
          {"mean", ms(histogram.mean())},
          {"p50", at(0.5)},
          {"p90", at(0.9)},
          {"p99", at(0.99)},
          {"p99_9", at(0.999)},
          {"max", ms(static_cast<double>(histogram.max()))}};
}

Json per(const CpuUsage& cpu, double count, double seconds) {
  const double n = count > 0 ? count : 1;
  return {{"total", rounded(cpu.total_us / n, 4)},
          {"user", rounded(cpu.user_us / n, 4)},
          {"system", rounded(cpu.system_us / n, 4)},
          {"cores", rounded(cpu.total_us / 1e6 / seconds, 4)}};
}

void line(const char* name, const std::string& text) {
  std::printf("  %-12s %s\n", name, text.c_str());
}

std::string number(double value, int digits = 0) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string latency_text(const Json& ms) {
  std::string text;
  for (const char* name : {"p50", "p90", "p99", "p99_9", "max"}) {
    std::string shown = name;
    if (shown == "p99_9") shown = "p99.9";
    text += (text.empty() ? "" : "  ") + shown + " " + number(ms[name].get<double>(), 3);
  }
  return text + " ms (" + number(ms["count"].get<double>()) + ")";
}

std::string cpu_text(const Json& cpu, const std::string& what) {
  return number(cpu["total"].get<double>(), 3) + " us CPU a " + what + " (user " +
         number(cpu["user"].get<double>(), 3) + "), " + number(cpu["cores"].get<double>() * 100) +
         " % of a core";
}

void print_traffic(const std::string& name, const Json& part) {
  std::printf("%s: %s s\n", name.c_str(), number(part["seconds"].get<double>(), 1).c_str());
  line("deliveries", number(part["deliveries_per_second"].get<double>()) + " a second (" +
                         number(part["deliveries"].get<double>()) + " of " +
                         number(part["events"].get<double>()) + " events, " +
                         number(part["messages_per_read"].get<double>(), 1) + " a read)");
  line("latency", latency_text(part["latency_ms"]));
  if (part.contains("disturbed_latency_ms")) {
    line("disturbed", latency_text(part["disturbed_latency_ms"]));
  }
  if (part.contains("server_us_per_delivery")) {
    line("server", cpu_text(part["server_us_per_delivery"], "delivery"));
  }
  line("generator", number(part["generator_cores"].get<double>() * 100) +
                        " % of a core; publisher late by " +
                        number(part["publisher_late_ms"].get<double>(), 3) + " ms at most");
}

void print_rest(const Json& rest) {
  std::printf("rest: %s s\n", number(rest["seconds"].get<double>(), 1).c_str());
  if (!rest.contains("resident_bytes")) return;
  line("memory", number(rest["resident_bytes_per_connection"].get<double>()) +
                     " resident bytes a connection (" +
                     number(rest["resident_bytes"].get<double>() / 1e6, 1) + " MB in all)");
  line("server", number(rest["server_cores"].get<double>() * 100, 2) + " % of a core");
}

void print_loss(const Json& loss) {
  std::printf("loss\n");
  line("events", number(loss["missing"].get<double>()) + " missing (" +
                     number(loss["told_missing"].get<double>()) + " of them told), " +
                     number(loss["doubled"].get<double>()) + " doubled, " +
                     number(loss["out_of_order"].get<double>()) + " out of order, " +
                     number(loss["stray"].get<double>()) + " stray");
  for (const auto& [code, count] : loss["closed"].items()) {
    line("closed", number(count.get<double>()) + " clients with code " + code);
  }
  if (loss["stalled"].get<bool>()) line("stalled", "nothing came for 10 s");
}

}  // namespace

BenchReport::BenchReport(const std::string& mode, const Load& load) : load_(load) {
  json_ = {{"mode", mode},
           {"url", load.login.url},
           {"publish", load.publish},
           {"clients", load.clients},
           {"topics", load.topics},
           {"patterns", load.patterns},
           {"size", load.size},
           {"rate", load.rate}};
  if (load.rate <= 0) json_["in_flight"] = load.in_flight;
}

void BenchReport::add(const ConnectResult& result) {
  json_["connect"] = {{"seconds", rounded(result.seconds, 4)},
                      {"per_second", rounded(result.clients / result.seconds, 1)},
                      {"join_ms", milliseconds(result.join_time)}};
  if (load_.pids.empty()) return;
  json_["connect"]["server_us_per_connect"] = per(result.server, result.clients, result.seconds);
}

void BenchReport::add(const RestResult& result) {
  json_["rest"] = {{"seconds", rounded(result.seconds, 3)}};
  if (load_.pids.empty()) return;
  const auto each = [&](std::uint64_t before, std::uint64_t after) {
    return rounded((static_cast<double>(after) - static_cast<double>(before)) / load_.clients, 1);
  };
  Json& rest = json_["rest"];
  rest["resident_bytes_before"] = result.before.resident_bytes;
  rest["resident_bytes"] = result.after.resident_bytes;
  rest["proportional_bytes"] = result.after.proportional_bytes;
  rest["resident_bytes_per_connection"] =
      each(result.before.resident_bytes, result.after.resident_bytes);
  rest["proportional_bytes_per_connection"] =
      each(result.before.proportional_bytes, result.after.proportional_bytes);
  rest["server_cores"] = rounded(result.server.total_us / 1e6 / result.seconds, 5);
}

void BenchReport::add(const std::string& name, const TrafficResult& result) {
  const auto deliveries = static_cast<double>(result.deliveries);
  Histogram all = result.steady;
  all.add(result.disturbed);
  Json part = {
      {"seconds", rounded(result.seconds, 4)},
      {"events", result.events},
      {"deliveries", result.deliveries},
      {"bytes", result.bytes},
      {"deliveries_per_second", rounded(deliveries / result.seconds, 1)},
      {"messages_per_read",
       rounded(deliveries / static_cast<double>(result.reads ? result.reads : 1), 2)},
      {"latency_ms", milliseconds(load_.stopped != 0 ? result.steady : all)},
      {"generator_cores", rounded(result.generator_us / 1e6 / result.seconds, 4)},
      {"publisher_late_ms", rounded(static_cast<double>(result.publisher_late_ns) / 1e6, 4)}};
  if (load_.stopped != 0) part["disturbed_latency_ms"] = milliseconds(result.disturbed);
  if (!load_.pids.empty()) {
    part["server_us_per_delivery"] = per(result.server, deliveries, result.seconds);
  }
  json_[name] = part;
}

void BenchReport::add_return(double seconds, Swarm& swarm) {
  json_["return"] = {{"clients", swarm.counts().recovered + swarm.counts().not_recovered},
                     {"seconds", rounded(seconds, 3)},
                     {"recovered", swarm.counts().recovered},
                     {"not_recovered", swarm.counts().not_recovered},
                     {"failed", swarm.counts().failed},
                     {"join_ms", milliseconds(swarm.join_time())}};
}

void BenchReport::add_latency(const std::string& name, const Histogram& latency) {
  json_["live_latency_ms"][name] = milliseconds(latency);
}

void BenchReport::add(Swarm& swarm, bool stalled) {
  const SwarmCounts& counts = swarm.counts();
  const Tally& steady = swarm.tally(Group::steady);
  const Tally& disturbed = swarm.tally(Group::disturbed);
  Json closed = Json::object();
  for (const auto& [code, clients] : counts.closed) closed[std::to_string(code)] = clients;
  json_["loss"] = {{"missing", steady.missing + disturbed.missing},
                   {"missing_steady", steady.missing},
                   {"told_missing", counts.told_missing},
                   {"doubled", steady.doubled + disturbed.doubled},
                   {"out_of_order", steady.out_of_order + disturbed.out_of_order},
                   {"stray", counts.stray},
                   {"replayed", steady.replayed + disturbed.replayed},
                   {"errors", counts.errors},
                   {"failed", counts.failed},
                   {"closed", closed},
                   {"stalled", stalled}};
}

Exit BenchReport::print() const {
  if (load_.json) {
    std::cout << json_.dump(2) << std::endl;
  } else {
    print_lines();
  }
  const Json& loss = json_["loss"];
  if (loss["stalled"].get<bool>()) return Exit::timed_out;
  const bool whole = loss["missing"] == loss["told_missing"] && loss["doubled"] == 0 &&
                     loss["out_of_order"] == 0 && loss["stray"] == 0 && loss["failed"] == 0 &&
                     loss["closed"].empty();
  return whole ? Exit::done : Exit::failed;
}

void BenchReport::print_lines() const {
  const std::string pace = load_.rate > 0
                               ? number(load_.rate) + " events a second"
                               : "at most " + std::to_string(load_.in_flight) + " in flight";
  const bool quiet = json_["mode"] == "idle";
  std::printf("%s: %u clients, %u %s", json_["mode"].get<std::string>().c_str(), load_.clients,
              load_.topics, load_.topics == 1 ? "topic" : "topics");
  if (!quiet) std::printf(", %zu bytes, %s", load_.size, pace.c_str());
  std::printf("\n");
  const Json& connect = json_["connect"];
  line("connect", number(connect["per_second"].get<double>()) + " a second, " +
                      number(connect["seconds"].get<double>(), 2) + " s");
  if (connect.contains("server_us_per_connect")) {
    line("server", cpu_text(connect["server_us_per_connect"], "connect"));
  }
  if (json_.contains("rest")) print_rest(json_["rest"]);
  for (const char* name : {"traffic", "stop"}) {
    if (json_.contains(name)) print_traffic(name, json_[name]);
  }
  if (json_.contains("return")) {
    const Json& back = json_["return"];
    std::printf("return: %s clients in %s s\n", number(back["clients"].get<double>()).c_str(),
                number(back["seconds"].get<double>(), 2).c_str());
    line("recovered", number(back["recovered"].get<double>()) + ", not recovered " +
                          number(back["not_recovered"].get<double>()) + ", events replayed " +
                          number(json_["loss"]["replayed"].get<double>()));
    line("subscribed", latency_text(back["join_ms"]));
    for (const auto& [name, ms] : json_["live_latency_ms"].items()) {
      line(("live " + name).c_str(), latency_text(ms));
    }
  }
  print_loss(json_["loss"]);
  std::fflush(stdout);
}

}  // namespace zws::tool
