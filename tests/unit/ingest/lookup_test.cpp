// What names have: of both families, and asked for again and again.
#include "ingest/lookup.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <netdb.h>

#include <algorithm>
#include <future>
#include <thread>

namespace {

// The name server of this one name says nothing until the test has ended, or has waited in vain. Who asks it is
// waited for by nobody and may be there when the program ends, so these are never destroyed.
constexpr std::string_view hanging = "hangs.invalid";
std::promise<void>& answered = *new std::promise<void>;
const std::shared_future<void>& answer =
    *new std::shared_future<void>(answered.get_future().share());

}  // namespace

// Stands before the library's own.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* wanted,
                           addrinfo** found) {
  static const auto own =
      reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name != nullptr && name == hanging) {
    answer.wait_for(std::chrono::seconds(20));
    return EAI_AGAIN;
  }
  return own(name, service, wanted, found);
}

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

TEST(LookupTest, ANameServerThatHangsHoldsUpNoOtherNameAndNoEnd) {
  {
    Lookup lookup({"tcp://hangs.invalid:5557", "tcp://localhost:5557"}, std::chrono::hours(1));
    const auto answers = next(lookup);
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].name, "tcp://localhost:5557");
  }
  EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  answered.set_value();
}

TEST(LookupTest, ANameWithoutAnAddressIsAnsweredWithNone) {
  Lookup lookup({"tcp://nowhere.invalid:5557"}, std::chrono::hours(1));
  const auto answers = next(lookup);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_THAT(answers[0].addresses, IsEmpty());
}

}  // namespace
}  // namespace zws
