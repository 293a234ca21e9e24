#include "core/pattern.hpp"

#include "core/topic.hpp"

namespace zws {
namespace {

// Whether the '*' at `at` is a whole segment with another segment behind it.
bool is_segment_star(std::string_view text, std::size_t at) noexcept {
  return (at == 0 || is_separator(text[at - 1])) && at + 1 < text.size() &&
         is_separator(text[at + 1]);
}

}  // namespace

std::optional<Pattern> Pattern::parse(std::string_view text) {
  if (text.empty() || text.size() > topic_bytes_max) return std::nullopt;
  if (!is_utf8(text) || has_control(text)) return std::nullopt;
  bool literal = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '*') continue;
    literal = false;
    if (i + 1 != text.size() && !is_segment_star(text, i)) return std::nullopt;
  }
  return Pattern(std::string(text), literal);
}

Pattern Pattern::stopping_at(char separator) const {
  Pattern same = *this;
  if (has_tail()) same.stop_ = separator;
  return same;
}

bool Pattern::matches(std::string_view topic) const noexcept {
  if (literal_) return topic == text_;
  if (topic.empty() || is_reserved(topic)) return false;
  // A segment star stands between separators, so it can only take the whole run up to the next one:
  // there is never a choice, and one walk decides.
  std::size_t at = 0;
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] != '*') {
      if (at == topic.size() || topic[at] != text_[i]) return false;
      ++at;
      continue;
    }
    if (i + 1 == text_.size()) return stop_ == 0 || topic.find(stop_, at) == topic.npos;
    const std::size_t begin = at;
    while (at < topic.size() && !is_separator(topic[at])) ++at;
    if (at == begin) return false;
  }
  return at == topic.size();
}

bool Pattern::covers(const Pattern& other) const {
  // "@a*" matches nothing at all, and nothing is covered by everything.
  if (!other.literal_ && is_reserved(other.text_)) return true;
  if (other.has_tail() && !has_tail()) return false;
  if (other.has_tail() && stop_ != 0 && other.stop_ != stop_) return false;
  // No topic holds '*', so the other's own text stands for all it matches: as a topic, its stars are
  // letters that no literal of ours equals, and only our stars take them.
  return matches(other.text_);
}

}  // namespace zws
