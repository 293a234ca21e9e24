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
// A '*' at the end may stop at a separator: then the rest holds none of it. Rights with {user} are so
// (auth/grants.hpp), and what is subscribed to by them; it stands in no text.
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

  // The separator that a '*' at the end does not take; 0: it takes any rest.
  char stop() const noexcept { return stop_; }
  // The same text, whose '*' at the end, if it has one, stops at `separator` (or nowhere: 0).
  Pattern stopping_at(char separator) const;

  bool matches(std::string_view topic) const noexcept;

  // Whether every topic that `other` matches is matched by this one.
  // Cost: O(size of both); no backtracking over more than one state set.
  bool covers(const Pattern& other) const;

  friend bool operator==(const Pattern& a, const Pattern& b) noexcept {
    return a.text_ == b.text_ && a.stop_ == b.stop_;
  }

 private:
  Pattern(std::string text, bool literal) : text_(std::move(text)), literal_(literal) {}

  // Only a star at the end matches any number of segments.
  bool has_tail() const noexcept { return !literal_ && text_.back() == '*'; }

  std::string text_;
  bool literal_;
  char stop_ = 0;
};

// The characters that end a segment.
constexpr std::string_view separators = ".:/";
constexpr bool is_separator(char c) noexcept { return c == '.' || c == ':' || c == '/'; }

}  // namespace zws
