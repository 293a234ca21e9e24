// A lane with its thread, to which others post.
#include "lane/lane.hpp"

#include <gtest/gtest.h>

#include <future>

#include "support/short_memory.hpp"

namespace zws {
namespace {

constexpr std::chrono::seconds deadline{60};

class LaneTest : public testing::Test {
 protected:
  LaneTest() { lane_.start({}, nullptr, nullptr, nullptr); }
  ~LaneTest() override { lane_.stop(); }

  ConfigPtr config_ = std::make_shared<Config>();
  Metrics metrics_{1};
  Exchange exchange_{config_, metrics_};
  Verifier verifier_{config_->auth};
  AdminToken admin_token_;
  Admission admission_{config_->limits, 100};
  Lane lane_{
      {&verifier_, &exchange_, &admin_token_, &admission_, nullptr, 0}, config_, metrics_.lane(0)};
};

// A lane is woken for the first that waits, and for the next only when that has been taken.
TEST_F(LaneTest, WhatThereWasNoMemoryToWakeItForIsComeToAllTheSame) {
  int lost = 0;
  for (std::size_t passed = 0; passed < 8; ++passed) {
    const auto reached = std::make_shared<std::promise<void>>();
    auto answer = reached->get_future();
    auto place = new_place();
    place->reached = [reached] { reached->set_value(); };
    const std::weak_ptr<Batch> waits = place;
    BatchPtr batch = std::move(place);
    {
      const ShortMemory memory(passed);
      lane_.post(std::move(batch));
    }
    const bool gone = waits.expired();
    if (gone && answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
      ++lost;  // not even the queue had memory for it
    else
      ASSERT_EQ(answer.wait_for(deadline), std::future_status::ready) << passed;
  }
  EXPECT_LE(lost, 2);
}

}  // namespace
}  // namespace zws
