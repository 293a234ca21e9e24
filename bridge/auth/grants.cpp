#include "auth/grants.hpp"

#include <string>
#include <utility>

#include "core/topic.hpp"

namespace zws {
namespace {

std::string with_user(std::string text, std::string_view user) {
  constexpr std::string_view mark = "{user}";
  for (std::size_t at = text.find(mark); at != std::string::npos;
       at = text.find(mark, at + user.size()))
    text.replace(at, mark.size(), user);
  return text;
}

// `text` with {user} filled in. What it means must not depend on the name: "{user}*:x" is no pattern,
// although a user called "a:" would make one of it.
std::optional<Pattern> pattern_for(const std::string& text, std::string_view user) {
  if (!Pattern::parse(with_user(text, "x"))) return std::nullopt;
  return Pattern::parse(with_user(text, user));
}

}  // namespace

Grants::Grants(const AuthConfig& config, const Identity* identity, bool open)
    : everything_(open || (identity && identity->admin)) {
  if (identity) own_topic_ = std::string(topic_user_prefix) + identity->user;
  if (everything_) return;
  if (!identity) {
    for (const auto& text : config.anonymous.subscribe)
      if (auto pattern = Pattern::parse(text)) patterns_.push_back(std::move(*pattern));
  } else if (identity->topics) {
    patterns_ = *identity->topics;
  } else {
    for (const auto& text : config.user.subscribe)
      if (auto pattern = pattern_for(text, identity->user))
        patterns_.push_back(std::move(*pattern));
  }
}

bool Grants::allows(const Pattern& wanted) const {
  if (is_reserved(wanted.text())) return wanted.text() == topic_all || wanted.text() == own_topic_;
  if (everything_) return true;
  for (const auto& granted : patterns_)
    if (granted.covers(wanted)) return true;
  return false;
}

}  // namespace zws
