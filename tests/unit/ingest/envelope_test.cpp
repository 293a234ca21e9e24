// Every shape in which producers send, and every reason to refuse one.
#include "ingest/envelope.hpp"

#include <gmock/gmock.h>

#include <vector>

namespace zws {
namespace {

class EnvelopeTest : public ::testing::Test {
 protected:
  Envelope::Result open(std::vector<std::string> frames) {
    frames_ = std::move(frames);
    std::vector<std::string_view> views(frames_.begin(), frames_.end());
    return envelope_.open(views.data(), views.size());
  }
  Envelope::Result with_header(const std::string& header) { return open({"t", "p", header}); }
  void expect_ignored(const std::string& header) {
    const Envelope::Result result = with_header(header);
    EXPECT_TRUE(result.header_ignored) << header;
    EXPECT_EQ(result.rejected, RejectReason::count_) << header;
    EXPECT_EQ(result.arrival.source, "") << header;
    EXPECT_EQ(result.arrival.seq, 0U) << header;
    EXPECT_EQ(result.arrival.sent_ns, 0) << header;
    EXPECT_EQ(result.arrival.key, "") << header;
    EXPECT_EQ(result.arrival.payload, "p") << header;
  }

  Envelope envelope_;
  std::vector<std::string> frames_;
};

// --- shapes --------------------------------------------------------------------------------------

TEST_F(EnvelopeTest, TopicAndPayload) {
  const auto result = open({"import:task-123", R"({"a":1})"});
  EXPECT_EQ(result.rejected, RejectReason::count_);
  EXPECT_FALSE(result.header_ignored);
  EXPECT_EQ(result.arrival.topic, "import:task-123");
  EXPECT_EQ(result.arrival.payload, R"({"a":1})");
  EXPECT_EQ(result.arrival.source, "");
  EXPECT_EQ(result.arrival.sent_ns, 0);
}

TEST_F(EnvelopeTest, AnEmptyPayloadIsOne) {
  EXPECT_EQ(open({"t", ""}).rejected, RejectReason::count_);
  const auto one_frame = open({"t "});
  EXPECT_EQ(one_frame.rejected, RejectReason::count_);
  EXPECT_EQ(one_frame.arrival.payload, "");
}

TEST_F(EnvelopeTest, OneFrameIsSplitAtItsFirstSpace) {
  const auto result = open({"t two words"});
  EXPECT_EQ(result.rejected, RejectReason::count_);
  EXPECT_EQ(result.arrival.topic, "t");
  EXPECT_EQ(result.arrival.payload, "two words");
}

TEST_F(EnvelopeTest, ATopicOfItsOwnFrameMayHoldSpaces) {
  EXPECT_EQ(open({"two words", "p"}).arrival.topic, "two words");
}

TEST_F(EnvelopeTest, PayloadsMayHoldAnyBytes) {
  const std::string bytes("\0\xFF\n ", 4);
  EXPECT_EQ(open({"t", bytes}).arrival.payload, bytes);
}

TEST_F(EnvelopeTest, AFullHeaderIsRead) {
  const auto result =
      with_header(R"({"src":"aZ_0-","seq":7,"ts":1700000000000000000,"key":"käse","more":[1]})");
  EXPECT_FALSE(result.header_ignored);
  EXPECT_EQ(result.arrival.source, "aZ_0-");
  EXPECT_EQ(result.arrival.seq, 7U);
  EXPECT_EQ(result.arrival.sent_ns, 1'700'000'000'000'000'000);
  EXPECT_EQ(result.arrival.key, "käse");
}

TEST_F(EnvelopeTest, AnEmptyFrameBetweenTopicAndPayloadIsNeither) {
  for (const char* payload : {"text", R"({"type":"x","n":1})", R"({"src":"a.png","ts":1.5})",
                              R"({"key":"k","seq":7})", "[1]", "\xFF"}) {
    const auto result = open({"t", "", payload});
    EXPECT_EQ(result.rejected, RejectReason::count_) << payload;
    EXPECT_FALSE(result.header_ignored) << payload;
    EXPECT_EQ(result.arrival.payload, payload);
    EXPECT_EQ(result.arrival.key, "") << payload;
    EXPECT_EQ(result.arrival.sent_ns, 0) << payload;
  }
  EXPECT_EQ(open({"t", "", ""}).arrival.payload, "");
}

TEST_F(EnvelopeTest, AnEmptyPayloadMayHaveAHeader) {
  const auto result = open({"t", "", R"({"src":"a","seq":1,"key":"k"})"});
  EXPECT_EQ(result.arrival.payload, "");
  EXPECT_EQ(result.arrival.source, "a");
  EXPECT_EQ(result.arrival.key, "k");
  EXPECT_EQ(open({"t", "", R"({"src":"a","seq":0})"}).wrong_member, "seq");
}

TEST_F(EnvelopeTest, APayloadBehindAnEmptyFrameHasTheSameLimit) {
  envelope_.set_rules({4, true});
  EXPECT_EQ(open({"t", "", "1234"}).rejected, RejectReason::count_);
  EXPECT_EQ(open({"t", "", "12345"}).rejected, RejectReason::too_big);
}

TEST_F(EnvelopeTest, AByteOrderMarkBeforeATopicIsNoPartOfIt) {
  EXPECT_EQ(open({"\xEF\xBB\xBFt", "p"}).arrival.topic, "t");
  EXPECT_EQ(open({"\xEF\xBB\xBFt p"}).arrival.topic, "t");
  EXPECT_EQ(open({"\xEF\xBB\xBF", "p"}).rejected, RejectReason::topic_empty);
}

TEST_F(EnvelopeTest, FramesAfterTheThirdAreIgnored) {
  const auto result = open({"t", "p", R"({"src":"a","seq":1})", "junk", "more"});
  EXPECT_EQ(result.arrival.source, "a");
  EXPECT_FALSE(result.header_ignored);
}

TEST_F(EnvelopeTest, AnyMembersOfTheHeaderMayBeAbsent) {
  EXPECT_FALSE(with_header("{}").header_ignored);
  EXPECT_EQ(with_header(R"({"ts":5})").arrival.sent_ns, 5);
  EXPECT_EQ(with_header(R"( {"key":"k"} )").arrival.key, "k");
  EXPECT_FALSE(with_header(R"({"other":{"src":1}})").header_ignored);
}

TEST_F(EnvelopeTest, SourceAndSeqCountOnlyTogether) {
  for (const char* header : {R"({"src":"a","ts":5})", R"({"seq":3,"ts":5})"}) {
    const auto result = with_header(header);
    EXPECT_FALSE(result.header_ignored) << header;
    EXPECT_EQ(result.arrival.source, "") << header;
    EXPECT_EQ(result.arrival.seq, 0U) << header;
    EXPECT_EQ(result.arrival.sent_ns, 5) << header;
  }
}

TEST_F(EnvelopeTest, TheLimitsOfHeaderMembersAreWithin) {
  EXPECT_EQ(
      with_header(R"({"src":")" + std::string(64, 'a') + R"(","seq":1})").arrival.source.size(),
      64U);
  EXPECT_EQ(with_header(R"({"key":")" + std::string(255, 'k') + "\"}").arrival.key.size(), 255U);
  EXPECT_EQ(with_header(R"({"src":"a","seq":9223372036854775807})").arrival.seq,
            9'223'372'036'854'775'807U);
  // Escapes are not counted.
  EXPECT_EQ(with_header(R"({"\u0073rc":"\u0061","seq":1})").arrival.source, "a");
}

// --- third frames that are something else --------------------------------------------------------

TEST_F(EnvelopeTest, AThirdFrameThatIsNoHeaderIsIgnoredAndTheEventDelivered) {
  for (const char* header :
       {"", "7", "junk", "[]", "\"src\"", "null", "{", R"({"src":"a","seq":1}x)"})
    expect_ignored(header);
  expect_ignored(std::string("\0\0\0\x01", 4));
  expect_ignored("{\"src\":\"\xFF\",\"seq\":1}");
}

TEST_F(EnvelopeTest, NumbersMayBeWrittenAsRealOnes) {
  const auto result = with_header(R"({"src":"a","seq":17.0,"ts":1.7e18})");
  EXPECT_FALSE(result.header_ignored);
  EXPECT_EQ(result.arrival.seq, 17U);
  EXPECT_EQ(result.arrival.sent_ns, 1'700'000'000'000'000'000);
  expect_ignored(R"({"src":"a","seq":9223372036854775808.0})");
  expect_ignored(R"({"src":"a","seq":1e300})");
  expect_ignored(R"({"src":"a","seq":0.0})");
}

TEST_F(EnvelopeTest, AWrongMemberIsNamedWhereTheHeaderIsMeantForUs) {
  EXPECT_EQ(with_header(R"({"src":"a b","seq":1})").wrong_member, "src");
  EXPECT_EQ(with_header(R"({"src":"a","seq":0})").wrong_member, "seq");
  EXPECT_EQ(with_header(R"({"ts":"now","src":"a","seq":1})").wrong_member, "ts");
  EXPECT_EQ(with_header(R"({"src":"a","seq":1,"key":7})").wrong_member, "key");
  EXPECT_EQ(with_header(R"({"ts":"now"})").wrong_member, "") << "other software's";
  EXPECT_EQ(with_header(R"({"ts":5,"key":7})").wrong_member, "") << "other software's";
  EXPECT_EQ(with_header("7").wrong_member, "");
}

TEST_F(EnvelopeTest, ALargestHeaderIsRead) {
  const std::string start = R"({"src":"a","seq":1,"x":")";
  const std::string most = start + std::string(4096 - start.size() - 2, 'x') + "\"}";
  ASSERT_EQ(most.size(), 4096U);
  EXPECT_FALSE(with_header(most).header_ignored);
  EXPECT_TRUE(with_header(most + ' ').header_ignored);
}

TEST_F(EnvelopeTest, AHeaderWithAWrongMemberIsIgnoredWhole) {
  for (const char* header :
       {R"({"src":"","seq":1})", R"({"src":"a b","seq":1})", R"({"src":"ä","seq":1})",
        R"({"src":1,"seq":1,"ts":5})", R"({"src":null,"seq":1})",
        R"({"src":"a","seq":0,"key":"k"})", R"({"src":"a","seq":-1})", R"({"src":"a","seq":1.5})",
        R"({"src":"a","seq":"1"})", R"({"src":"a","seq":9223372036854775808})",
        R"({"src":"a","seq":1,"ts":-1})", R"({"src":"a","seq":1,"ts":1.5})",
        R"({"src":"a","seq":1,"ts":"now"})", R"({"src":"a","seq":1,"key":7})",
        R"({"src":"a","seq":1,"key":null})"})
    expect_ignored(header);
  expect_ignored(R"({"src":")" + std::string(65, 'a') + R"(","seq":1})");
  expect_ignored(R"({"src":"a","seq":1,"key":")" + std::string(256, 'k') + "\"}");
  expect_ignored(R"({"src":"a","seq":1,"x":")" + std::string(4096, 'x') + "\"}");
  expect_ignored(std::string(3000, '['));
}

// --- what is refused -----------------------------------------------------------------------------

TEST_F(EnvelopeTest, OneFrameWithoutASpaceHasNoPayload) {
  EXPECT_EQ(open({"topic"}).rejected, RejectReason::no_payload);
  EXPECT_EQ(open({""}).rejected, RejectReason::no_payload);
}

TEST_F(EnvelopeTest, BadTopicsAreRefusedEachByItsReason) {
  const std::vector<std::pair<std::string, RejectReason>> cases{
      {"", RejectReason::topic_empty},
      {std::string(256, 't'), RejectReason::topic_too_long},
      {"t\xFF", RejectReason::topic_not_utf8},
      {"t\xED\xA0\x80", RejectReason::topic_not_utf8},
      {"a\nb", RejectReason::topic_control},
      {std::string("a\0b", 3), RejectReason::topic_control},
      {"a\x7F", RejectReason::topic_control},
      {"a\xC2\x85", RejectReason::topic_control},
      {"import:*", RejectReason::topic_wildcard},
      {"@", RejectReason::topic_reserved},
      {"@everyone", RejectReason::topic_reserved},
      {"@user/", RejectReason::topic_reserved},
  };
  for (const auto& [topic, reason] : cases) {
    EXPECT_EQ(open({topic, "p"}).rejected, reason) << topic;
    EXPECT_EQ(open({topic, "p", R"({"src":"a","seq":1})"}).rejected, reason) << topic;
  }
  EXPECT_EQ(open({std::string(255, 't'), "p"}).rejected, RejectReason::count_);
  EXPECT_EQ(open({" p"}).rejected, RejectReason::topic_empty);
}

TEST_F(EnvelopeTest, APayloadOverTheLimitIsRefused) {
  envelope_.set_rules({10, true});
  EXPECT_EQ(open({"t", std::string(10, 'p')}).rejected, RejectReason::count_);
  EXPECT_EQ(open({"t", std::string(11, 'p')}).rejected, RejectReason::too_big);
  EXPECT_EQ(open({"t " + std::string(11, 'p')}).rejected, RejectReason::too_big);
}

TEST_F(EnvelopeTest, TheBridgesOwnNamesAreTakenUnlessCommandsAreOff) {
  EXPECT_EQ(open({"@all", "p"}).rejected, RejectReason::count_);
  EXPECT_EQ(open({"@user/ada", "p"}).rejected, RejectReason::count_);
  envelope_.set_rules({1000, false});
  EXPECT_EQ(open({"@all", "p"}).rejected, RejectReason::commands_off);
  EXPECT_EQ(open({"@user/ada", "p"}).rejected, RejectReason::commands_off);
  EXPECT_EQ(open({"t", "p"}).rejected, RejectReason::count_);
}

// --- lifetimes -----------------------------------------------------------------------------------

TEST_F(EnvelopeTest, TextsOfEarlierArrivalsLastUntilReset) {
  std::vector<Arrival> arrivals;
  for (int i = 0; i < 300; ++i)
    arrivals.push_back(with_header(R"({"src":"s)" + std::to_string(i) + R"(","seq":1,"key":"key )" +
                                   std::to_string(i) + "\"}")
                           .arrival);
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(arrivals[static_cast<std::size_t>(i)].source, "s" + std::to_string(i));
    EXPECT_EQ(arrivals[static_cast<std::size_t>(i)].key, "key " + std::to_string(i));
  }
  envelope_.reset();
  EXPECT_EQ(with_header(R"({"src":"again","seq":1})").arrival.source, "again");
}

}  // namespace
}  // namespace zws
