// The audit line: one line whatever others chose, with names cut and counted.
#include "api/audit.hpp"

#include <gmock/gmock.h>

#include "core/log.hpp"

namespace zws {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

// What audit() writes to the log.
std::string line_of(const ApiRequest& request, std::string_view what,
                    std::optional<std::size_t> reached = std::nullopt) {
  log::configure(log::Level::info, log::Format::text);
  testing::internal::CaptureStderr();
  audit(request, what, reached);
  return testing::internal::GetCapturedStderr();
}

ApiRequest request() {
  ApiRequest made;
  made.http.method = "POST";
  made.http.path = "/api/ws/publish";
  made.http.address = "10.0.0.7";
  made.who = "root";
  return made;
}

TEST(AuditTest, NamesWhoFromWhereWhatAndHowMany) {
  EXPECT_THAT(line_of(request(), audit_name("topic", "a"), 3),
              EndsWith("info audit: \"root\" from 10.0.0.7: POST /api/ws/publish, topic \"a\", "
                       "reached 3\n"));
}

TEST(AuditTest, ACallThatOnlyLooksReachesNobody) {
  EXPECT_THAT(line_of(request(), ""),
              EndsWith("audit: \"root\" from 10.0.0.7: POST /api/ws/publish\n"));
}

TEST(AuditTest, NamesAreEscaped) {
  EXPECT_EQ(audit_name("topic", "a\nb\"c\u202e"), R"(topic "a\x0ab\"c\xe2\x80\xae")");
  ApiRequest hostile = request();
  hostile.who = "ro\not";
  hostile.http.path = "/\x1b[2J";
  const std::string line = line_of(hostile, "");
  EXPECT_THAT(line, HasSubstr(R"("ro\x0aot")"));
  EXPECT_THAT(line.substr(0, line.size() - 1), Not(HasSubstr("\n")));
  EXPECT_THAT(line, Not(HasSubstr("\x1b")));
}

TEST(AuditTest, ManyNamesAreCut) {
  EXPECT_EQ(audit_names("users", {}), "no users");
  EXPECT_EQ(audit_names("users", {"ada"}), "users \"ada\"");
  EXPECT_EQ(audit_names("users", {"ada", "bob"}), "users \"ada\", \"bob\"");
  const std::vector<std::string> many(13, std::string(2000, 'x'));
  const std::string text = audit_names("users", many);
  EXPECT_THAT(text, EndsWith(" and 3 more"));
  EXPECT_LT(text.size(), 4000u);
}

}  // namespace
}  // namespace zws
