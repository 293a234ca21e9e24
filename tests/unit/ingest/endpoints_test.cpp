// Whom the bridge dials: names and addresses, what is told of them, and when.
#include "ingest/endpoints.hpp"

#include <gmock/gmock.h>

namespace zws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr std::chrono::seconds second{1};
const std::string name = "tcp://producer:5557";
const std::string one = "tcp://10.0.0.1:5557";
const std::string other = "tcp://[2001:db8::1]:5557";

TEST(EndpointsTest, AddressesAreDialledAtOnceUnderTheirExactNames) {
  Endpoints endpoints({"tcp://[2001:DB8:0::1]:5557", one, "ipc:///run/p"});
  EXPECT_THAT(endpoints.named(), IsEmpty());
  EXPECT_THAT(endpoints.orders({}).dial, UnorderedElementsAre(other, one, "ipc:///run/p"));
  EXPECT_THAT(endpoints.orders({}).dial, IsEmpty()) << "each once";
}

TEST(EndpointsTest, AllAddressesOfANameAreDialledOnceItIsFound) {
  Endpoints endpoints({name});
  EXPECT_THAT(endpoints.named(), ElementsAre(name));
  EXPECT_THAT(endpoints.orders({}).dial, IsEmpty());
  endpoints.found(name, {one, other});
  EXPECT_THAT(endpoints.orders({}).dial, UnorderedElementsAre(one, other));
}

TEST(EndpointsTest, WhatANameHasNoLongerIsLeftUnlessItIsConnected) {
  Endpoints endpoints({name});
  endpoints.found(name, {one});
  endpoints.orders({});
  endpoints.found(name, {other});
  EXPECT_THAT(endpoints.orders({one}).leave, IsEmpty());
  EXPECT_THAT(endpoints.orders({}).leave, ElementsAre(one));
  EXPECT_THAT(endpoints.dialled(), ElementsAre(other));
}

TEST(EndpointsTest, ANameServerThatIsAwayChangesNothing) {
  Endpoints endpoints({name});
  endpoints.found(name, {one});
  endpoints.orders({});
  endpoints.found(name, {});
  EXPECT_THAT(endpoints.orders({}).leave, IsEmpty());
}

TEST(EndpointsTest, WhatIsOutOfReachIsToldOnceAMinute) {
  Endpoints endpoints({one});
  SteadyTime now{second};
  EXPECT_THAT(endpoints.complaints({}, now), IsEmpty()) << "a producer that restarts is no news";
  endpoints.tried(one);
  endpoints.tried(one);
  const auto told = endpoints.complaints({}, now += second);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].name, one);
  EXPECT_EQ(told[0].tries, 2U);
  EXPECT_TRUE(told[0].has_address);
  EXPECT_THAT(endpoints.complaints({}, now += 59 * second), IsEmpty());
  EXPECT_THAT(endpoints.complaints({}, now += second), SizeIs(1));
}

TEST(EndpointsTest, OneAddressThatAnswersIsEnough) {
  Endpoints endpoints({name});
  endpoints.found(name, {one, other});
  SteadyTime now{second};
  endpoints.complaints({other}, now);
  EXPECT_THAT(endpoints.complaints({other}, now + 60 * second), IsEmpty());
}

TEST(EndpointsTest, WhatWasReachedMeanwhileIsTriedAnew) {
  Endpoints endpoints({one});
  endpoints.tried(one);
  SteadyTime now{second};
  endpoints.complaints({}, now);
  ASSERT_THAT(endpoints.complaints({}, now += second), SizeIs(1));
  EXPECT_THAT(endpoints.complaints({one}, now += second), IsEmpty());
  EXPECT_THAT(endpoints.complaints({}, now += second), IsEmpty()) << "it has a second again";
  const auto told = endpoints.complaints({}, now += second);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].tries, 0U) << "somebody is there, but no handshake succeeds";
}

TEST(EndpointsTest, StatesAreCounted) {
  Endpoints endpoints({name, one, "tcp://nowhere:1"});
  endpoints.found(name, {other});
  EXPECT_THAT(endpoints.count({one}), ElementsAre(1, 1, 1));
}

}  // namespace
}  // namespace zws
