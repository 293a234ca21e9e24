#include "template.hpp"

#include <gmock/gmock.h>

namespace zws::tool {
namespace {

const WallTime noon = WallTime{} + std::chrono::seconds{1'763'812'800};

TEST(TemplateTest, PlainTextStaysAsItIs) {
  for (const char* text : {"", "hello", "{}", "{{", "{{other}}", "{count}", "{{ count }}", "}}{{"})
    EXPECT_EQ(Template(text).render(7, noon), text);
}

TEST(TemplateTest, CountAndTimeAreFilledIn) {
  EXPECT_EQ(Template("{{count}}").render(1, noon), "1");
  EXPECT_EQ(Template(R"({"n":{{count}},"at":"{{time}}","m":{{count}}})").render(12, noon),
            R"({"n":12,"at":"2025-11-22T12:00:00.000Z","m":12})");
  EXPECT_EQ(Template("{{{count}}}").render(3, noon), "{3}");
}

TEST(TemplateTest, EachUuidIsRandomAndOfVersionFour) {
  const Template two("{{uuid}} {{uuid}}");
  const std::string first = two.render(1, noon);
  for (int i = 0; i < 100; ++i)
    ASSERT_THAT(two.render(1, noon).substr(0, 36),
                testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]"
                                      "[0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(first.substr(0, 36), first.substr(37));
  EXPECT_NE(first, two.render(1, noon));
}

}  // namespace
}  // namespace zws::tool
