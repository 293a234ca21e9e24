#include "auth/grants.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>

#include "core/topic.hpp"

namespace zws {
namespace {

constexpr std::string_view mark = "{user}";
constexpr std::size_t calls_before_sorting =
    16;  // which takes as long as some comparisons with all

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
  const auto add = [this](const Pattern& right) {
    const std::string_view text = right.text();
    rights_.push_back({text.substr(0, text.find('*')), &right, rights_.size()});
  };
  each_right(config, identity, [&](auto&& right, auto&&) {
    if constexpr (std::is_lvalue_reference_v<decltype(right)>) {
      add(right);  // the identity's own, which come before all others
    } else {
      configured_.push_back(std::move(right));
    }
  });
  std::for_each(configured_.begin(), configured_.end(), add);
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
  if (covers(wanted)) return wanted;
  return is_reserved(wanted.text()) ? std::nullopt : stopping(wanted);
}

bool Grants::covers(const Pattern& wanted) const {
  if (is_reserved(wanted.text()))
    return wanted.text() == topic_all || wanted.text() == own_topic_ ||
           (administrator_ && wanted.text() == topic_stats);
  return everything_ || covered(wanted);
}

bool Grants::covered(const Pattern& wanted) const {
  sort_if_worth_it();
  return any(wanted, [&](const Right& right) { return right.pattern->covers(wanted); });
}

// By the first right whose '*' stops.
std::optional<Pattern> Grants::stopping(const Pattern& wanted) const {
  const Right* first = nullptr;
  any(wanted, [&](const Right& right) {
    const char stop = right.pattern->stop();
    if (stop != 0 && (first == nullptr || right.order < first->order) &&
        right.pattern->covers(wanted.stopping_at(stop)))
      first = &right;
    return false;
  });
  if (first == nullptr) return std::nullopt;
  return wanted.stopping_at(first->pattern->stop());
}

void Grants::sort_if_worth_it() const {
  if (++calls_ != calls_before_sorting) return;
  std::sort(rights_.begin(), rights_.end(),
            [](const Right& a, const Right& b) { return a.begin < b.begin; });
}

// Shows `visit` the rights that may cover `wanted`, until it says true. What covers it begins as it does;
// the beginnings of a text lie, the longest first, before it in order, each before what is longer.
template <typename Visit>
bool Grants::any(const Pattern& wanted, Visit&& visit) const {
  if (calls_ < calls_before_sorting) return std::any_of(rights_.begin(), rights_.end(), visit);
  std::string_view text = wanted.text();
  auto end = rights_.end();
  for (;;) {
    end = std::upper_bound(
        rights_.begin(), end, text,
        [](std::string_view name, const Right& right) { return name < right.begin; });
    if (end == rights_.begin()) return false;
    const std::string_view nearest = std::prev(end)->begin;
    const auto differs = std::mismatch(nearest.begin(), nearest.end(), text.begin(), text.end());
    const auto common = static_cast<std::size_t>(differs.first - nearest.begin());
    if (common < nearest.size()) {
      text = text.substr(0, common);
      continue;
    }
    for (; end != rights_.begin() && std::prev(end)->begin == nearest; --end)
      if (visit(*std::prev(end))) return true;
    if (nearest.empty()) return false;
    text = text.substr(0, nearest.size() - 1);
  }
}

}  // namespace zws
