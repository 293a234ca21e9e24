// The index finds what asking every pattern would find.
#include "exchange/pattern_index.hpp"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>

#include "routing/audience.hpp"

namespace zws {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Pattern pattern(const std::string& text) { return Pattern::parse(text).value(); }

std::vector<std::string> matches(const PatternIndex<Audience>& index, const std::string& topic) {
  std::vector<Audience*> found;
  index.match(topic, found);
  std::vector<std::string> texts;
  for (const Audience* audience : found) texts.push_back(audience->pattern().text());
  return texts;
}

TEST(PatternIndexTest, FindsTailsAndSegments) {
  PatternIndex<Audience> index;
  for (const char* text : {"*", "import:*", "import:task*", "*:task-1", "import:*:done", "a.*.c"})
    index.add(pattern(text));
  EXPECT_THAT(matches(index, "import:task-1"),
              UnorderedElementsAre("*", "import:*", "import:task*", "*:task-1"));
  EXPECT_THAT(matches(index, "import:"), UnorderedElementsAre("*", "import:*"));
  EXPECT_THAT(matches(index, "import"), UnorderedElementsAre("*"));
  EXPECT_THAT(matches(index, "import:x:done"),
              UnorderedElementsAre("*", "import:*", "import:*:done"));
  EXPECT_THAT(matches(index, "a.b.c"), UnorderedElementsAre("*", "a.*.c"));
  EXPECT_THAT(matches(index, "a..c"), UnorderedElementsAre("*")) << "a segment is not empty";
  EXPECT_THAT(matches(index, "a:b.c"), UnorderedElementsAre("*"));
}

TEST(PatternIndexTest, AddingTwiceIsOneAudience) {
  PatternIndex<Audience> index;
  Audience& first = index.add(pattern("a:*"));
  EXPECT_EQ(&index.add(pattern("a:*")), &first);
  EXPECT_EQ(index.size(), 1U);
  EXPECT_EQ(index.find(pattern("a:*")), &first);
  EXPECT_EQ(index.find(pattern("b:*")), nullptr);
  EXPECT_EQ(index.find(pattern("a:b:*")), nullptr);
  index.remove(pattern("a:*"));
  EXPECT_EQ(index.size(), 0U);
  EXPECT_EQ(index.find(pattern("a:*")), nullptr);
  EXPECT_THAT(matches(index, "a:b"), IsEmpty());
}

TEST(PatternIndexTest, PatternsOfOneTextThatStopElsewhereHaveEachTheirOwnAudience) {
  PatternIndex<Audience> index;
  std::map<char, const Audience*> audiences;
  for (const char stop : {'\0', '.', ':'})
    audiences[stop] = &index.add(pattern("a.*").stopping_at(stop));
  EXPECT_EQ(index.size(), 3U);
  const auto stops = [&](const std::string& topic) {
    std::vector<Audience*> found;
    index.match(topic, found);
    std::set<char> all;
    for (const Audience* audience : found) all.insert(audience->pattern().stop());
    EXPECT_EQ(all.size(), found.size());
    return all;
  };
  EXPECT_EQ(stops("a.b"), (std::set<char>{'\0', '.', ':'}));
  EXPECT_EQ(stops("a.b.c"), (std::set<char>{'\0', ':'}));
  EXPECT_EQ(stops("a.b:c"), (std::set<char>{'\0', '.'}));
  for (const auto& [stop, audience] : audiences)
    EXPECT_EQ(index.find(pattern("a.*").stopping_at(stop)), audience);
  index.remove(pattern("a.*"));
  EXPECT_EQ(stops("a.b"), (std::set<char>{'.', ':'}));
  index.remove(pattern("a.*").stopping_at('.'));
  EXPECT_EQ(stops("a.b"), std::set<char>{':'});
  index.remove(pattern("a.*").stopping_at(':'));
  EXPECT_EQ(stops("a.b"), std::set<char>{});
}

TEST(PatternIndexTest, RemovingOneLeavesItsNeighbours) {
  PatternIndex<Audience> index;
  for (const char* text : {"a:b:*", "a:*", "a:b:c*", "*:b:c"}) index.add(pattern(text));
  index.remove(pattern("a:b:*"));
  EXPECT_THAT(matches(index, "a:b:c"), UnorderedElementsAre("a:*", "a:b:c*", "*:b:c"));
}

TEST(PatternIndexTest, FindsWhatANaiveScanFinds) {
  std::mt19937 random(11);
  const auto pick = [&](std::size_t below) { return random() % below; };
  const auto name = [&](bool wild) {
    static const std::vector<std::string> segments{"a", "b", "ab", "", "import", "ä"};
    std::string text;
    for (std::size_t n = pick(4) + 1; n > 0; --n) {
      text += wild && pick(3) == 0 ? "*" : segments[pick(segments.size())];
      if (n > 1) text += ".:/"[pick(3)];
    }
    if (wild && pick(2) == 0) text += '*';
    return text;
  };
  PatternIndex<Audience> index;
  std::map<std::string, Pattern> all;
  for (int step = 0; step < 20'000; ++step) {
    const std::string text = name(true);
    const auto parsed = Pattern::parse(text);
    if (parsed && !parsed->is_literal() && all.size() < 60) {
      index.add(*parsed);
      all.emplace(text, *parsed);
    }
    if (all.size() > 30 && pick(3) == 0) {
      const auto gone = std::next(all.begin(), static_cast<std::ptrdiff_t>(pick(all.size())));
      index.remove(gone->second);
      all.erase(gone);
    }
    ASSERT_EQ(index.size(), all.size());
    const std::string topic = name(false);
    if (topic.empty()) continue;
    std::multiset<std::string> expected;
    for (const auto& [its_text, its_pattern] : all) {
      if (its_pattern.matches(topic)) expected.insert(its_text);
    }
    const auto found = matches(index, topic);
    ASSERT_EQ(std::multiset<std::string>(found.begin(), found.end()), expected) << topic;
  }
}

// 250 KB of patterns from one client once took 392 MiB, and kept it after the client had left.
TEST(PatternIndexTest, MemoryIsInProportionToTheTextAndGivenBack) {
  PatternIndex<Audience> index;
  std::vector<Pattern> all;
  std::size_t text_bytes = 0;
  for (int n = 0; n < 1000; ++n) {
    std::string text = std::to_string(1000 + n) + ':';
    while (text.size() < 250) text += "a.";
    all.push_back(pattern(text + '*'));
    text_bytes += all.back().text().size();
  }
  for (const Pattern& each : all) index.add(each);
  EXPECT_LT(index.bytes(), 32 * text_bytes);
  for (const Pattern& each : all) index.remove(each);
  EXPECT_LT(index.bytes(), 16'384U);
}

TEST(PatternIndexTest, OrdinaryPatternsTakeLittle) {
  PatternIndex<Audience> index;
  constexpr std::size_t count = 40'000;
  for (std::size_t n = 0; n < count; ++n) index.add(pattern("user:" + std::to_string(n) + ":*"));
  EXPECT_LT(index.bytes(), 300 * count);
  EXPECT_THAT(matches(index, "user:39999:x"), UnorderedElementsAre("user:39999:*"));
}

}  // namespace
}  // namespace zws
