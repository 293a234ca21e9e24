// Who does administrators' calls does them one after the other, and none after its end.
#include "api/clerk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <stdexcept>
#include <vector>

namespace zws {
namespace {

using testing::ElementsAre;

TEST(ClerkTest, WorkIsDoneInOrderOnAThreadOfItsOwn) {
  Clerk clerk;
  std::vector<int> done;
  std::promise<std::thread::id> last;
  clerk.post([&] { done.push_back(1); });
  clerk.post([&] { done.push_back(2); });
  clerk.post([&] { last.set_value(std::this_thread::get_id()); });
  EXPECT_NE(last.get_future().get(), std::this_thread::get_id());
  EXPECT_THAT(done, ElementsAre(1, 2));
}

TEST(ClerkTest, WorkThatFailsKeepsNoOtherFromBeingDone) {
  Clerk clerk;
  std::promise<void> done;
  clerk.post([] { throw std::runtime_error("out of something"); });
  clerk.post([&] { done.set_value(); });
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

TEST(ClerkTest, AfterItsEndNothingIsDoneAndWhatWaitedIsLetGoOf) {
  Clerk clerk;
  const auto held = std::make_shared<int>(0);
  bool done = false;
  clerk.post([&] {
    clerk.post([&done, held] { done = true; });
    while (true) {  // until the end has begun: from then on work is let go of at once
      const auto probe = std::make_shared<int>(0);
      clerk.post([probe] {});
      if (probe.use_count() == 1) return;
      std::this_thread::yield();
    }
  });
  clerk.stop();
  EXPECT_FALSE(done);
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace zws
