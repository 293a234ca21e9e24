// Pattern: a set of topics, in subscriptions, rights and routes.
//
//   import:task-1    that topic only
//   import:*         '*' last: any rest, even none ("import:", "import:a:b"; not "import")
//   a.*.c            '*' as a whole segment between . : / : one or more characters other than those
//   *                every topic whose name does not start with '@'
//   im*port, a.*b.c  not valid: '*' is neither last nor a whole segment
//
// No pattern with a '*' matches a name that starts with '@'; such names are listened to literally.
//
// Thread: any; immutable after construction.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zws {

class Pattern {
 public:
  // Nothing when `text` is not a valid pattern (topic rules apply to its literal characters;
  // 1 to 255 bytes).
  static std::optional<Pattern> parse(std::string_view text);

  const std::string& text() const noexcept { return text_; }
  bool is_literal() const noexcept { return literal_; }

  bool matches(std::string_view topic) const noexcept;

  // Whether every topic that `other` matches is matched by this one.
  // Cost: O(size of both); no backtracking over more than one state set.
  bool covers(const Pattern& other) const;

  friend bool operator==(const Pattern& a, const Pattern& b) noexcept { return a.text_ == b.text_; }

 private:
  Pattern(std::string text, bool literal) : text_(std::move(text)), literal_(literal) {}

  std::string text_;
  bool literal_;
};

// The characters that end a segment.
constexpr bool is_separator(char c) noexcept { return c == '.' || c == ':' || c == '/'; }

}  // namespace zws
