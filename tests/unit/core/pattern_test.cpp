#include "core/pattern.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace zws {
namespace {

Pattern pattern(std::string_view text) {
  auto parsed = Pattern::parse(text);
  if (!parsed) throw std::invalid_argument("not a pattern: " + std::string(text));
  return *parsed;
}

bool matches(std::string_view text, std::string_view topic) { return pattern(text).matches(topic); }

bool covers(std::string_view granted, std::string_view wanted) {
  return pattern(granted).covers(pattern(wanted));
}

// All texts of 1 to `longest` letters of `alphabet`, shortest first.
std::vector<std::string> all_texts(std::string_view alphabet, std::size_t longest) {
  std::vector<std::string> texts{""};
  for (std::size_t begin = 0, size = 1; size <= longest; ++size) {
    const std::size_t end = texts.size();
    for (; begin < end; ++begin)
      for (const char letter : alphabet) texts.push_back(texts[begin] + letter);
  }
  texts.erase(texts.begin());
  return texts;
}

// What the contract says of a '*', word for word and without regard to cost: an oracle.
bool oracle_matches(std::string_view rest, std::string_view topic) {
  if (rest.empty()) return topic.empty();
  if (rest == "*") return true;
  if (rest[0] != '*')
    return !topic.empty() && topic[0] == rest[0] && oracle_matches(rest.substr(1), topic.substr(1));
  for (std::size_t taken = 1; taken <= topic.size(); ++taken) {
    if (is_separator(topic[taken - 1])) return false;
    if (oracle_matches(rest.substr(1), topic.substr(taken))) return true;
  }
  return false;
}

bool oracle(std::string_view text, std::string_view topic) {
  if (text.find('*') == std::string_view::npos) return text == topic;
  return topic[0] != '@' && oracle_matches(text, topic);
}

TEST(PatternTest, LiteralMatchesItselfOnly) {
  EXPECT_TRUE(matches("import:task-1", "import:task-1"));
  EXPECT_FALSE(matches("import:task-1", "import:task-10"));
  EXPECT_FALSE(matches("import:task-1", "import:task-"));
  EXPECT_TRUE(pattern("import:task-1").is_literal());
}

TEST(PatternTest, StarAtTheEndMatchesAnyRestEvenNone) {
  EXPECT_TRUE(matches("import:*", "import:"));
  EXPECT_TRUE(matches("import:*", "import:a:b"));
  EXPECT_FALSE(matches("import:*", "import"));
  EXPECT_TRUE(matches("im*", "im"));
  EXPECT_TRUE(matches("im*", "import:a"));
  EXPECT_TRUE(matches("*", "温度/1"));
  EXPECT_FALSE(pattern("*").is_literal());
}

TEST(PatternTest, StarAsASegmentMatchesOneOrMoreCharactersOfOneSegment) {
  EXPECT_TRUE(matches("a.*.c", "a.b.c"));
  EXPECT_TRUE(matches("a.*.c", "a.温.c"));
  EXPECT_FALSE(matches("a.*.c", "a..c"));
  EXPECT_FALSE(matches("a.*.c", "a.b:d.c"));
  EXPECT_FALSE(matches("a.*.c", "a.b:c"));
  EXPECT_FALSE(matches("a.*.c", "a.b.c.d"));
  EXPECT_TRUE(matches("*:b", "x:b"));
  EXPECT_FALSE(matches("*:b", ":b"));
  EXPECT_TRUE(matches("*/*:*", "a/b:"));
}

TEST(PatternTest, StarElsewhereIsNoPattern) {
  for (const char* text : {"im*port", "a.*b.c", "a.b*.c", "**", "a:**", "*a", "*@", "a*:b"})
    EXPECT_FALSE(Pattern::parse(text)) << text;
}

TEST(PatternTest, TopicRulesApplyToTheLiteralCharacters) {
  EXPECT_FALSE(Pattern::parse(""));
  EXPECT_FALSE(Pattern::parse("a\nb*"));
  EXPECT_FALSE(Pattern::parse("a\xff*"));
  EXPECT_FALSE(Pattern::parse("a\xc2\x85"));
  EXPECT_FALSE(Pattern::parse(std::string_view("a\0b", 3)));
  EXPECT_TRUE(Pattern::parse(std::string(255, 'a')));
  EXPECT_FALSE(Pattern::parse(std::string(255, 'a') + '*'));
  EXPECT_TRUE(Pattern::parse("a b*"));
}

TEST(PatternTest, NoStarMatchesANameThatStartsWithAt) {
  EXPECT_FALSE(matches("*", "@all"));
  EXPECT_FALSE(matches("@*", "@all"));
  EXPECT_FALSE(matches("@user/*", "@user/ada"));
  EXPECT_FALSE(matches("*/ada", "@user/ada"));
  EXPECT_TRUE(matches("@all", "@all"));
  EXPECT_FALSE(covers("*", "@all"));
  EXPECT_FALSE(covers("@user/*", "@user/ada"));
  EXPECT_FALSE(covers("@*", "a"));
  EXPECT_TRUE(covers("@user/ada", "@user/ada"));
}

TEST(PatternTest, CoversOnlyWhereEveryTopicIsMatched) {
  EXPECT_FALSE(covers("import:*", "*"));
  EXPECT_FALSE(covers("import:*", "import*"));
  EXPECT_FALSE(covers("import:*", "import"));
  EXPECT_TRUE(covers("import*", "import:*"));
  EXPECT_TRUE(covers("import:*", "import:*"));
  EXPECT_TRUE(covers("a:*", "a:*:b"));
  EXPECT_TRUE(covers("a:*", "a:"));
  EXPECT_FALSE(covers("a:*:b", "a:*"));
  EXPECT_TRUE(covers("*:b", "x:b"));
  EXPECT_FALSE(covers("x:b", "*:b"));
  EXPECT_TRUE(covers("*:*", "a:*:b"));
  EXPECT_FALSE(covers("*:*", ":*"));
}

TEST(PatternTest, MatchesAsTheOracleDoesOnEverySmallCase) {
  const auto topics = all_texts("a:@", 6);
  for (const auto& text : all_texts("a:*@", 5)) {
    const auto parsed = Pattern::parse(text);
    if (!parsed) continue;
    for (const auto& topic : topics)
      ASSERT_EQ(parsed->matches(topic), oracle(text, topic)) << text << " on " << topic;
  }
}

// The topics have one letter ('z') that the patterns lack, and are long enough to hold whatever
// tells two patterns of this size apart.
TEST(PatternTest, CoversAsTheOracleDoesOnEverySmallPair) {
  const auto topics = all_texts("a:z", 7);
  std::vector<Pattern> patterns;
  std::vector<std::vector<bool>> matched;
  for (const auto& text : all_texts("a:*", 6)) {
    const auto parsed = Pattern::parse(text);
    if (!parsed) continue;
    patterns.push_back(*parsed);
    auto& row = matched.emplace_back();
    for (const auto& topic : topics) row.push_back(oracle(text, topic));
  }
  ASSERT_GT(patterns.size(), 300u);
  for (std::size_t granted = 0; granted < patterns.size(); ++granted) {
    for (std::size_t wanted = 0; wanted < patterns.size(); ++wanted) {
      bool included = true;
      for (std::size_t t = 0; included && t < topics.size(); ++t)
        included = !matched[wanted][t] || matched[granted][t];
      ASSERT_EQ(patterns[granted].covers(patterns[wanted]), included)
          << patterns[granted].text() << " over " << patterns[wanted].text();
    }
  }
}

TEST(PatternTest, CoversAsTheOracleDoesWithSeveralSeparatorsAndReservedNames) {
  const auto topics = all_texts("a.:z@", 4);
  std::vector<Pattern> patterns;
  for (const auto& text : all_texts("a.:*@", 3))
    if (const auto parsed = Pattern::parse(text)) patterns.push_back(*parsed);
  for (const auto& granted : patterns) {
    for (const auto& wanted : patterns) {
      bool included = true;
      for (const auto& topic : topics)
        included = included && (!oracle(wanted.text(), topic) || oracle(granted.text(), topic));
      ASSERT_EQ(granted.covers(wanted), included) << granted.text() << " over " << wanted.text();
    }
  }
}

TEST(PatternTest, AStarThatStopsMatchesAndCoversAsTheOracleDoes) {
  const auto topics = all_texts("a.:z", 5);
  struct Made {
    Pattern pattern;
    std::vector<bool> matched;
  };
  std::vector<Made> all;
  for (const auto& text : all_texts("a.:*", 4)) {
    const auto parsed = Pattern::parse(text);
    if (!parsed) continue;
    for (const char stop : {'\0', '.', ':'}) {
      Made made{parsed->stopping_at(stop), {}};
      for (const auto& topic : topics) {
        // What the last star takes is what is left when the text before it has had its own.
        bool expected = oracle(text, topic);
        if (expected && made.pattern.stop() != 0) {
          expected = false;
          const std::string before = text.substr(0, text.size() - 1);
          for (std::size_t cut = 0; cut <= topic.size(); ++cut)
            expected =
                expected || ((cut == 0 ? before.empty() : oracle(before, topic.substr(0, cut))) &&
                             topic.find(stop, cut) == std::string::npos);
        }
        ASSERT_EQ(made.pattern.matches(topic), expected) << text << stop << " on " << topic;
        made.matched.push_back(expected);
      }
      all.push_back(std::move(made));
    }
  }
  for (const Made& granted : all) {
    for (const Made& wanted : all) {
      if (!granted.pattern.covers(wanted.pattern)) continue;
      for (std::size_t t = 0; t < topics.size(); ++t)
        ASSERT_TRUE(!wanted.matched[t] || granted.matched[t])
            << granted.pattern.text() << granted.pattern.stop() << " over " << wanted.pattern.text()
            << wanted.pattern.stop() << " at " << topics[t];
    }
  }
  const auto stopping = [](const char* text) { return Pattern::parse(text)->stopping_at('.'); };
  EXPECT_TRUE(stopping("a.*").covers(stopping("a.*")));
  EXPECT_TRUE(stopping("a.*").covers(stopping("a.b*")));
  EXPECT_TRUE(Pattern::parse("a.*")->covers(stopping("a.*")));
  EXPECT_FALSE(stopping("a.*").covers(*Pattern::parse("a.*")));
  EXPECT_FALSE(stopping("a.*").covers(stopping("a.b.*")));
}

}  // namespace
}  // namespace zws
