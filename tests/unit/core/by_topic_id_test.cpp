#include "core/by_topic_id.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

struct Entry {
  std::uint32_t topic_id = Event::no_topic_id;
};

class ByTopicIdTest : public testing::Test {
 protected:
  ByTopicId<Entry> table_;
  Entry one_;
  Entry two_;
};

TEST_F(ByTopicIdTest, AnEntryIsFoundByItsNumberAlone) {
  table_.put(3, one_);
  EXPECT_EQ(table_.at(3), &one_);
  for (const std::uint32_t other : {0U, 2U, 4U, Event::no_topic_id})
    EXPECT_EQ(table_.at(other), nullptr);
}

TEST_F(ByTopicIdTest, AnEntryThatGetsAnotherNumberLeavesItsOldOne) {
  table_.put(3, one_);
  table_.put(1, one_);
  EXPECT_EQ(table_.at(3), nullptr);
  EXPECT_EQ(table_.at(1), &one_);
}

TEST_F(ByTopicIdTest, ANumberStandsForTheLastThatGotIt) {
  table_.put(0, one_);
  table_.put(0, two_);
  table_.drop(one_);
  EXPECT_EQ(table_.at(0), &two_);
}

TEST_F(ByTopicIdTest, WhatWasDroppedIsNotFound) {
  table_.put(0, one_);
  table_.drop(one_);
  table_.drop(two_);
  EXPECT_EQ(table_.at(0), nullptr);
}

TEST_F(ByTopicIdTest, WhatHasNoNumberIsNotKept) {
  table_.put(Event::no_topic_id, one_);
  EXPECT_EQ(table_.at(Event::no_topic_id), nullptr);
  EXPECT_EQ(table_.bytes(), 0U);
}

}  // namespace
}  // namespace zws
