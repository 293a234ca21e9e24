#include "config/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace zws {
namespace {

constexpr std::size_t usual_limit = 1024;
constexpr std::size_t besides = 64;  // logs, ZeroMQ itself, listeners, requests in progress
constexpr std::size_t for_each_producer = 2;
constexpr std::size_t for_its_repair = 1;
constexpr std::size_t producers_most = 1000;
constexpr std::size_t producers_part = 8;

std::size_t raise_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return usual_limit;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace

Descriptors share_descriptors(const Config& config) {
  const std::size_t all = raise_limit();
  const std::size_t fitting = std::clamp<std::size_t>(all / producers_part, 1, producers_most);
  const std::size_t wanted = config.ingest.connections;
  Descriptors shares;
  const std::size_t each =
      for_each_producer + (config.ingest.repair_bind.empty() ? 0 : for_its_repair);
  shares.producers = wanted == 0 ? fitting : std::clamp<std::size_t>(all / (2 * each), 1, wanted);
  const std::size_t taken = besides + each * shares.producers;
  shares.clients = all > 2 * taken ? all - taken : all / 2;
  return shares;
}

}  // namespace zws
