// How the files that a process may open are shared between producers and clients.
#include "config/descriptors.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace zws {
namespace {

constexpr rlim_t files = 1024;

// Ends the process, which may open so many.
[[noreturn]] void tell_shares(const Config& config) {
  rlimit limit{100, files};
  const bool set = ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
  const Descriptors shares = share_descriptors(config);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  std::fprintf(stderr, "%zu producers, %zu clients", shares.producers, shares.clients);
  std::_Exit(set && limit.rlim_cur == files ? 0 : 1);
}

// In a process of its own: what it gives up it does not get back.
void expect_shares(const Config& config, std::size_t producers, std::size_t clients) {
  EXPECT_EXIT(tell_shares(config), testing::ExitedWithCode(0),
              std::to_string(producers) + " producers, " + std::to_string(clients) + " clients");
}

TEST(DescriptorsTest, ClientsHaveWhatProducersAndTheRestLeave) {
  Config config;
  expect_shares(config, 128, 1024 - 64 - 3 * 128);
  config.ingest.repair_bind.clear();
  expect_shares(config, 128, 1024 - 64 - 2 * 128);
}

TEST(DescriptorsTest, ProducersThatAreWantedHaveTheirPlacesAndNoMoreThanHalf) {
  Config config;
  config.ingest.connections = 10;
  expect_shares(config, 10, 1024 - 64 - 3 * 10);
  config.ingest.connections = 100'000;
  expect_shares(config, 170, 512);
}

}  // namespace
}  // namespace zws
