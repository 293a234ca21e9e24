// The audit line: one line whatever others chose, with names cut and counted, for every end of a call.
#include "api/audit.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/log.hpp"

namespace zws {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class AuditTest : public testing::Test {
 protected:
  AuditTest() { log::configure(log::Level::off, log::Format::text); }
  ~AuditTest() override { log::configure(log::Level::info, log::Format::text); }

  // What a call leaves in the log, without the time.
  template <typename During>
  std::string logged(const During& during) {
    testing::internal::CaptureStderr();
    during();
    const std::string text = testing::internal::GetCapturedStderr();
    return text.substr(std::min(text.size(), text.find(' ')));
  }
  template <typename During>
  std::string line_of(const During& during, int status = 200) {
    return logged([&] {
      Audit audit(request_, valves_);
      audit.by("root", true);
      during(audit);
      HttpResponse response;
      response.status = status;
      audit.answered(response);
    });
  }
  void refuse(int status, std::string_view code) {
    Audit(request_, valves_).answered(HttpResponse::error(status, code, "no"));
  }

  HttpRequest request_ = [] {
    HttpRequest made;
    made.method = "POST";
    made.path = "/api/ws/publish";
    made.address = "10.0.0.7";
    return made;
  }();
  const std::shared_ptr<AuditValves> valves_ = std::make_shared<AuditValves>();
};

TEST_F(AuditTest, NamesWhoFromWhereWhatHowManyAndItsEndWhateverTheLevelIs) {
  EXPECT_EQ(line_of([](Audit& audit) {
              audit.about("topic", "a");
              audit.reached(3);
            }),
            " audit who=\"root\" from=\"10.0.0.7\" method=\"POST\" path=\"/api/ws/publish\" "
            "topic=\"a\" reached=3 status=200\n");
}

TEST_F(AuditTest, ATokenThatWasPastedInTheWrongPlaceIsNotKept) {
  const std::string token =
      "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLWFkYS1sb25nLWVub3VnaA";
  const std::string one = line_of([&](Audit& audit) { audit.about("user", token); });
  const std::string many = line_of([&](Audit& audit) {
    audit.about("users", std::vector<std::string>{"ada", token});
  });
  EXPECT_THAT(one, Not(HasSubstr("c2lnbmF0dXJl")));
  EXPECT_THAT(many, Not(HasSubstr("c2lnbmF0dXJl")));
  EXPECT_THAT(many, HasSubstr("ada"));
}

TEST_F(AuditTest, ACallThatOnlyLooksReachesNobody) {
  EXPECT_THAT(line_of([](Audit&) {}), EndsWith("path=\"/api/ws/publish\" status=200\n"));
}

TEST_F(AuditTest, ItIsOneJsonObjectWhereTheLogIsJson) {
  log::configure(log::Level::off, log::Format::json);
  testing::internal::CaptureStderr();
  {
    Audit audit(request_, valves_);
    audit.by("root", true);
    audit.about("users", {"a\"da", "b\nob\u202e"});
    audit.reached(2);
    audit.answered({});
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text,
              HasSubstr(R"("b\u000aob\u202e")"));  // what turns text around is not there itself
  auto line = nlohmann::json::parse(text);
  EXPECT_TRUE(line.erase("time"));
  EXPECT_EQ(line, nlohmann::json::parse(
                      R"({"level":"audit","who":"root","from":"10.0.0.7","method":"POST",
      "path":"/api/ws/publish","users":["a\"da","b\nob\u202e"],"reached":2,"status":200})"));
}

TEST_F(AuditTest, NoneIsWrittenWhereTheAuditIsOff) {
  log::configure(log::Level::debug, log::Format::text, false);
  EXPECT_EQ(line_of([](Audit&) {}), "");
}

TEST_F(AuditTest, NamesAreEscaped) {
  request_.path = "/\x1b[2J\xff";
  const std::string line = line_of([](Audit& audit) {
    audit.by("ro\not", true);
    audit.about("topic", "a\nb\"c\u202e");
  });
  EXPECT_THAT(line, HasSubstr(R"(who="ro\x0aot")"));
  EXPECT_THAT(line, HasSubstr(R"(topic="a\x0ab\"c\xe2\x80\xae")"));
  EXPECT_THAT(line, HasSubstr(R"(path="/\x1b[2J\xff")"));
  EXPECT_THAT(line.substr(0, line.size() - 1), Not(HasSubstr("\n")));
}

TEST_F(AuditTest, ManyNamesAreCutAndCounted) {
  const std::vector<std::string> many(13, std::string(2000, 'x'));
  const std::string line = line_of([&](Audit& audit) { audit.about("users", many); });
  EXPECT_THAT(line, HasSubstr("] count=13 status"));
  EXPECT_LT(line.size(), 4000u);
  EXPECT_THAT(line_of([](Audit& audit) { audit.about("users", std::vector<std::string>{}); }),
              HasSubstr("users=[] status"));
  EXPECT_THAT(line_of([](Audit& audit) {
                audit.about("users", {"ada", "bob"});
              }),
              HasSubstr(R"(users=["ada","bob"] status)"));
}

TEST_F(AuditTest, AnAdministratorsCallThatIsRefusedLeavesALineEachTime) {
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(line_of([](Audit& audit) { audit.about("client", "x"); }, 404),
                EndsWith("client=\"x\" status=404\n"));
}

TEST_F(AuditTest, ACallThatIsLetGoOfUnansweredLeavesALineWithoutAStatus) {
  EXPECT_THAT(logged([&] {
                Audit audit(request_, valves_);
                audit.by("root", true);
              }),
              EndsWith("path=\"/api/ws/publish\"\n"));
}

TEST_F(AuditTest, WhatIsAskedAllTheTimeLeavesALineOnlyWhenRefused) {
  const auto skip = [](Audit& audit) { audit.skip_if_done(); };
  EXPECT_EQ(line_of(skip, 200), "");
  EXPECT_THAT(line_of(skip, 401), EndsWith("status=401\n"));
}

TEST_F(AuditTest, StrangersLeaveOneLineASecondAndAreCounted) {
  const std::string text = logged([&] {
    for (int i = 0; i < 1000; ++i) refuse(401, "unauthorized");
  });
  EXPECT_THAT(text, StartsWith(" audit from=\"10.0.0.7\" method="));
  EXPECT_THAT(text, HasSubstr("status=401 code=\"unauthorized\"\n"));
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 3);  // of a slow second

  // The next one counts them; the valve has its own clock, so it is opened by hand.
  const auto later = std::make_shared<AuditValves>();
  std::uint64_t none = 0;
  const auto past = std::chrono::steady_clock::now() - std::chrono::seconds(2);
  EXPECT_TRUE(later->strangers.pass(none, past));
  for (int i = 0; i < 17; ++i) EXPECT_FALSE(later->strangers.pass(none, past));
  EXPECT_THAT(logged([&] {
                Audit(request_, later).answered(HttpResponse::error(401, "unauthorized", "no"));
              }),
              EndsWith("code=\"unauthorized\" more=17\n"));
}

TEST_F(AuditTest, StrangersDoNotHideAUserWhoIsRefused) {
  const std::string text = logged([&] {
    for (int i = 0; i < 100; ++i) refuse(401, "unauthorized");
    Audit audit(request_, valves_);
    audit.by("ada", false);
    audit.answered(HttpResponse::error(403, "forbidden", "no"));
  });
  EXPECT_THAT(text, HasSubstr(" audit who=\"ada\" from="));
}

TEST_F(AuditTest, WhatWasHeldBackIsToldASecondLaterAndAtTheEnd) {
  const SteadyTime start{std::chrono::seconds(100)};
  std::uint64_t held_back = 0;
  std::optional<AuditValve> valve("users");
  EXPECT_EQ(logged([&] { valve->tell(start); }), "");
  EXPECT_TRUE(valve->pass(held_back, start));
  EXPECT_FALSE(valve->pass(held_back, start));
  EXPECT_FALSE(valve->pass(held_back, start));
  EXPECT_EQ(logged([&] { valve->tell(start + std::chrono::milliseconds(999)); }), "");
  EXPECT_EQ(logged([&] { valve->tell(start + std::chrono::seconds(1)); }),
            " audit of=\"users\" more=2\n");
  EXPECT_EQ(logged([&] { valve->tell(start + std::chrono::seconds(3)); }), "") << "told once";
  EXPECT_TRUE(valve->pass(held_back, start + std::chrono::seconds(3)));
  EXPECT_EQ(held_back, 0u);
  EXPECT_FALSE(valve->pass(held_back, start + std::chrono::seconds(3)));
  EXPECT_EQ(logged([&] { valve.reset(); }), " audit of=\"users\" more=1\n");
}

// Whoever has a token, but no right, is a stranger here, too.
TEST_F(AuditTest, AUserWithoutTheRightIsNamedButNoMoreOftenThanAStranger) {
  const std::string text = logged([&] {
    for (int i = 0; i < 1000; ++i) {
      Audit audit(request_, valves_);
      audit.by("ada", false);
      audit.answered(HttpResponse::error(403, "forbidden", "no"));
    }
  });
  EXPECT_THAT(text, StartsWith(" audit who=\"ada\" from="));
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 3);
}

}  // namespace
}  // namespace zws
