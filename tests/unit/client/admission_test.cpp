// How many may be in, and who guesses at tokens.
#include "client/admission.hpp"

#include <gmock/gmock.h>

namespace zws {
namespace {

using Answer = Admission::Answer;
const SteadyTime noon{std::chrono::hours(12)};

LimitsConfig limits(std::size_t connections, std::size_t per_address = 0) {
  LimitsConfig limits;
  limits.connections = connections;
  limits.connections_per_ip = per_address;
  return limits;
}

TEST(AdmissionTest, IsFullAtTheLimitAndTakesAgainWhenOneLeaves) {
  Admission admission(limits(2), 100);
  EXPECT_EQ(admission.enter("a"), Answer::admitted);
  EXPECT_EQ(admission.enter("a"), Answer::admitted);
  EXPECT_EQ(admission.enter("b"), Answer::full);
  EXPECT_EQ(admission.connections(), 2U);
  admission.leave("a");
  EXPECT_EQ(admission.enter("b"), Answer::admitted);
}

TEST(AdmissionTest, ItsStandingIsWhatTheNextOneHearsAndTakesNoPlace) {
  Admission admission(limits(1), 100);
  EXPECT_EQ(admission.standing(), Answer::admitted);
  EXPECT_EQ(admission.standing(), Answer::admitted);
  EXPECT_EQ(admission.enter("a"), Answer::admitted);
  EXPECT_EQ(admission.standing(), Answer::full);
  admission.set_short_of_memory(true);
  EXPECT_EQ(admission.standing(), Answer::short_of_memory);
}

TEST(AdmissionTest, DescriptorsBoundWhatTheLimitDoesNot) {
  Admission none(limits(0), 1);
  EXPECT_EQ(none.enter("a"), Answer::admitted);
  EXPECT_EQ(none.enter("a"), Answer::full);
  Admission more(limits(10), 1);
  EXPECT_EQ(more.enter("a"), Answer::admitted);
  EXPECT_EQ(more.enter("a"), Answer::full);
}

TEST(AdmissionTest, AnAddressHasALimitOfItsOwn) {
  Admission admission(limits(0, 1), 100);
  EXPECT_EQ(admission.enter("a"), Answer::admitted);
  EXPECT_EQ(admission.enter("a"), Answer::full_for_address);
  EXPECT_EQ(admission.enter("b"), Answer::admitted);
  EXPECT_EQ(admission.connections(), 2U) << "who was refused takes no place";
  admission.leave("a");
  EXPECT_EQ(admission.enter("a"), Answer::admitted);
}

TEST(AdmissionTest, AUserHasALimit) {
  LimitsConfig config;
  config.connections_per_user = 2;
  Admission admission(config, 100);
  EXPECT_TRUE(admission.enter_user("ada"));
  EXPECT_TRUE(admission.enter_user("ada"));
  EXPECT_FALSE(admission.enter_user("ada"));
  EXPECT_TRUE(admission.enter_user("grace"));
  EXPECT_EQ(admission.users(), 2U);
  admission.leave_user("grace");
  admission.leave_user("ada");
  EXPECT_EQ(admission.users(), 1U);
  EXPECT_TRUE(admission.enter_user("ada"));
}

TEST(AdmissionTest, AUserLimitOfZeroIsNone) {
  LimitsConfig config;
  config.connections_per_user = 0;
  Admission admission(config, 100);
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(admission.enter_user("ada"));
}

TEST(AdmissionTest, AReloadChangesTheLimitsForThoseToCome) {
  Admission admission(limits(1), 100);
  EXPECT_EQ(admission.enter("a"), Answer::admitted);
  admission.reload(limits(2));
  EXPECT_EQ(admission.enter("a"), Answer::admitted);
  admission.reload(limits(1));
  EXPECT_EQ(admission.enter("a"), Answer::full);
}

TEST(AdmissionTest, FailedTokensShutAnAddressOutForTheRestOfItsMinute) {
  LimitsConfig config;
  config.failed_tokens_per_minute = 3;
  Admission admission(config, 100);
  EXPECT_FALSE(admission.too_many_failed_tokens("a", noon));
  for (int i = 0; i < 2; ++i) admission.count_failed_token("a", noon);
  EXPECT_FALSE(admission.too_many_failed_tokens("a", noon));
  admission.count_failed_token("a", noon + std::chrono::seconds(30));
  EXPECT_TRUE(admission.too_many_failed_tokens("a", noon + std::chrono::seconds(59)));
  EXPECT_FALSE(admission.too_many_failed_tokens("b", noon + std::chrono::seconds(59)));
  EXPECT_FALSE(admission.too_many_failed_tokens("a", noon + std::chrono::seconds(60)));
}

TEST(AdmissionTest, FailuresOfDifferentMinutesDoNotAddUp) {
  LimitsConfig config;
  config.failed_tokens_per_minute = 2;
  Admission admission(config, 100);
  admission.count_failed_token("a", noon);
  admission.count_failed_token("a", noon + std::chrono::seconds(61));
  EXPECT_FALSE(admission.too_many_failed_tokens("a", noon + std::chrono::seconds(61)));
}

TEST(AdmissionTest, AFailureLimitOfZeroIsNone) {
  LimitsConfig config;
  config.failed_tokens_per_minute = 0;
  Admission admission(config, 100);
  for (int i = 0; i < 10; ++i) admission.count_failed_token("a", noon);
  EXPECT_FALSE(admission.too_many_failed_tokens("a", noon));
}

}  // namespace
}  // namespace zws
