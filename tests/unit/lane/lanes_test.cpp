// All lanes together: what they share.
#include "lane/lanes.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>

#include "config/descriptors.hpp"

namespace zws {
namespace {

// How many clients are let in before the bridge is full; in a process that may open so few files.
std::size_t let_in_with(rlim_t files) {
  const rlimit limit{files, files};
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  auto config = std::make_shared<Config>();
  config->server.listen = {"127.0.0.1:0"};
  config->server.threads = 1;
  Metrics metrics(1);
  Exchange exchange(config, metrics);
  Verifier verifier(config->auth);
  Lanes lanes(config, verifier, exchange, metrics);
  std::size_t count = 0;
  while (lanes.admission().enter("a") == Admission::Answer::admitted) ++count;
  return count;
}

// In a process of its own, as what it may open is not given back.
TEST(LanesTest, WithoutALimitThereIsRoomForAsManyClientsAsFilesAreLeftToThem) {
  constexpr rlim_t files = 1024;
  EXPECT_EXIT(
      {
        const std::size_t count = let_in_with(files);
        const Descriptors shares = share_descriptors(Config());
        const bool fits = count == shares.clients && count > files / 2 && count < files;
        std::_Exit(fits ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace zws
