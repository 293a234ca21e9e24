#include "auth/grants.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/topic.hpp"

namespace zws {
namespace {

constexpr std::string_view mark = "{user}";

std::string with_user(std::string text, std::string_view user) {
  for (std::size_t at = text.find(mark); at != std::string::npos;
       at = text.find(mark, at + user.size()))
    text.replace(at, mark.size(), user);
  return text;
}

// `text` with {user} filled in. What it means must not depend on the name: "{user}*:x" is no pattern,
// although a user called "a:" would make one of it.
std::optional<Pattern> pattern_for(const std::string& text, std::string_view user) {
  if (!Pattern::parse(with_user(text, "x"))) return std::nullopt;
  const auto pattern = Pattern::parse(with_user(text, user));
  const std::size_t last = text.rfind(mark);
  if (!pattern || last == std::string::npos || text.back() != '*') return pattern;
  // Whose name a topic holds can be told only if the rest behind it holds no such separator.
  const char behind = text[last + mark.size()];
  if (!is_separator(behind)) return std::nullopt;
  return pattern->stopping_at(behind);
}

}  // namespace

bool may(const AuthConfig& config, const Identity& identity, std::string_view right) {
  if (identity.admin) return true;
  for (const std::string& name : identity.roles) {
    const auto role = config.roles.find(name);
    if (role == config.roles.end()) continue;
    const auto& rights = role->second.may;
    if (std::find(rights.begin(), rights.end(), right) != rights.end()) return true;
  }
  return false;
}

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
    add(config.user.subscribe, identity->user);
  }
  if (!identity) return;
  for (const std::string& name : identity->roles) {
    const auto role = config.roles.find(name);
    if (role != config.roles.end()) add(role->second.subscribe, identity->user);
  }
}

void Grants::add(const std::vector<std::string>& texts, std::string_view user) {
  for (const std::string& text : texts)
    if (auto pattern = pattern_for(text, user)) patterns_.push_back(std::move(*pattern));
}

std::optional<Pattern> Grants::granted(const Pattern& wanted) const {
  const auto either = [&](bool granted) { return granted ? std::optional(wanted) : std::nullopt; };
  if (is_reserved(wanted.text()))
    return either(wanted.text() == topic_all || wanted.text() == own_topic_);
  if (everything_) return wanted;
  for (const auto& right : patterns_)
    if (right.covers(wanted)) return wanted;
  for (const auto& right : patterns_) {
    Pattern stopping = wanted.stopping_at(right.stop());
    if (right.covers(stopping)) return stopping;
  }
  return std::nullopt;
}

}  // namespace zws
