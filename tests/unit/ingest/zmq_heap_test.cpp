// What libzmq holds is told apart from what everything else does.
#include "ingest/zmq_heap.hpp"

#include <gtest/gtest.h>

#include <string>
#include <zmq.hpp>

namespace zws {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

TEST(ZmqHeapTest, CountsWhatLibzmqHoldsAndNothingElse) {
  ASSERT_TRUE(zmq_heap::watch());
  const std::size_t before = zmq_heap::bytes();
  {
    const std::string others(64 * mib, 'x');
    EXPECT_EQ(zmq_heap::bytes(), before);
    const zmq::message_t message(8 * mib);
    EXPECT_GE(zmq_heap::bytes(), before + 8 * mib);
    EXPECT_LT(zmq_heap::bytes(), before + 9 * mib);
  }
  EXPECT_EQ(zmq_heap::bytes(), before);
}

}  // namespace
}  // namespace zws
