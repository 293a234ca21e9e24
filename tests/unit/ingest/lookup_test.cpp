// What names have: of both families, and asked for again and again.
#include "ingest/lookup.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

namespace zws {
namespace {

using testing::Contains;
using testing::IsEmpty;

// The next answers, which come from threads of its own.
std::vector<Lookup::Answer> next(Lookup& lookup) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::vector<Lookup::Answer> answers;
  while (answers.empty() && std::chrono::steady_clock::now() < until) {
    answers = lookup.take();
    std::this_thread::yield();
  }
  return answers;
}

TEST(LookupTest, AddressesKeepThePortAndComeOnce) {
  Lookup lookup({"tcp://localhost:5557"}, std::chrono::hours(1));
  const auto answers = next(lookup);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].name, "tcp://localhost:5557");
  std::vector<std::string> addresses = answers[0].addresses;
  EXPECT_THAT(addresses, Contains("tcp://127.0.0.1:5557"));
  std::sort(addresses.begin(), addresses.end());
  EXPECT_EQ(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

TEST(LookupTest, ANameIsLookedUpAgain) {
  Lookup lookup({"tcp://localhost:5557"}, std::chrono::milliseconds(1));
  for (int times = 0; times < 3; ++times) EXPECT_EQ(next(lookup).size(), 1U);
}

TEST(LookupTest, ANameWithoutAnAddressIsAnsweredWithNone) {
  Lookup lookup({"tcp://nowhere.invalid:5557"}, std::chrono::hours(1));
  const auto answers = next(lookup);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_THAT(answers[0].addresses, IsEmpty());
}

}  // namespace
}  // namespace zws
