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

// Shows `visit` each pattern that somebody has who is no administrator, with a function that says whence.
template <typename Visit>
void each_right(const AuthConfig& config, const Identity* identity, Visit&& visit) {
  const auto each = [&](const std::vector<std::string>& texts, auto&& from) {
    for (const std::string& text : texts)
      if (auto pattern = pattern_for(text, identity->user)) visit(std::move(*pattern), from);
  };
  if (!identity) {
    for (const std::string& text : config.anonymous.subscribe)
      if (auto pattern = Pattern::parse(text))
        visit(std::move(*pattern), [] { return std::string("auth.anonymous.subscribe"); });
    return;
  }
  if (identity->topics) {
    for (const Pattern& pattern : *identity->topics)
      visit(pattern, [&] { return "the claim " + config.claims.topics; });
  } else {
    each(config.user.subscribe, [] { return std::string("auth.user.subscribe"); });
  }
  for (const std::string& name : identity->roles) {
    const auto role = config.roles.find(name);
    if (role == config.roles.end()) continue;
    each(role->second.subscribe, [&] { return "auth.roles." + name + ".subscribe"; });
  }
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
    : everything_(open || (identity && identity->admin)),
      administrator_(identity && identity->admin) {
  if (identity) own_topic_ = std::string(topic_user_prefix) + identity->user;
  if (everything_) return;
  each_right(config, identity,
             [this](Pattern pattern, auto&&) { patterns_.push_back(std::move(pattern)); });
}

std::vector<GrantedRight> granted_rights(const AuthConfig& config, const Identity& identity) {
  std::vector<GrantedRight> all;
  const auto add = [&all](Pattern pattern, auto&& from) {
    all.push_back({std::move(pattern), from()});
  };
  const auto add_own = [&add](const std::string& name) {
    if (auto own = Pattern::parse(name)) add(std::move(*own), [] { return std::string("always"); });
  };
  add_own(std::string(topic_all));
  if (!identity.user.empty()) add_own(std::string(topic_user_prefix) + identity.user);
  if (!identity.admin) {
    each_right(config, &identity, add);
    return all;
  }
  for (const std::string_view text : {std::string_view("*"), topic_stats})
    add(*Pattern::parse(text), [] { return std::string("auth.claims.admin"); });
  return all;
}

std::optional<Pattern> Grants::granted(const Pattern& wanted) const {
  const auto either = [&](bool granted) { return granted ? std::optional(wanted) : std::nullopt; };
  if (is_reserved(wanted.text()))
    return either(wanted.text() == topic_all || wanted.text() == own_topic_ ||
                  (administrator_ && wanted.text() == topic_stats));
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
