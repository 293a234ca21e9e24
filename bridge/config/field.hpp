// Field: how a key of keys.cpp is tied to a member of Config, whatever the member's type.
//
// Thread: any; pure functions. Only keys.cpp includes this.
#pragma once

#include "config/keys.hpp"
#include "config/rules.hpp"

namespace zws::config {

// How a field of type T is read from a Value and written as one.
inline std::optional<bool> read(const Value& value, const Rule<bool>&) {
  const auto* flag = std::get_if<bool>(&value);
  return flag ? std::optional(*flag) : std::nullopt;
}
inline std::optional<std::size_t> read(const Value& value, const Rule<std::size_t>& rule) {
  const auto* number = std::get_if<std::int64_t>(&value);
  if (!number || *number < 0) return std::nullopt;
  const auto size = static_cast<std::size_t>(*number);
  return rule.good(size) ? std::optional(size) : std::nullopt;
}
inline std::optional<Duration> read(const Value& value, const Rule<Duration>& rule) {
  const auto* text = std::get_if<std::string>(&value);
  const auto time = text ? parse_duration(*text) : std::nullopt;
  return time && rule.good(*time) ? time : std::nullopt;
}
inline std::optional<std::string> read(const Value& value, const Rule<std::string>& rule) {
  const auto* text = std::get_if<std::string>(&value);
  return text && rule.good(*text) ? std::optional(*text) : std::nullopt;
}
inline std::optional<std::vector<std::string>> read(const Value& value, const ListRule&) {
  const auto* list = std::get_if<std::vector<std::string>>(&value);
  return list ? std::optional(*list) : std::nullopt;
}
inline std::optional<std::vector<std::string>> read(const Value& value, const TextsRule& rule) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return *list;
  const auto* text = std::get_if<std::string>(&value);
  if (!text || (!text->empty() && !rule.good(*text))) return std::nullopt;
  return text->empty() ? std::vector<std::string>{} : std::vector<std::string>{*text};
}
template <class Enum>
std::optional<Enum> read(const Value& value, const Words<Enum>& rule) {
  const auto* text = std::get_if<std::string>(&value);
  for (const auto& [word, meaning] : rule.words) {
    if (text && *text == word) return meaning;
  }
  return std::nullopt;
}

inline Value write(bool flag) { return flag; }
inline Value write(std::size_t number) { return static_cast<std::int64_t>(number); }
inline Value write(Duration time) { return duration_text(time); }
inline Value write(const std::string& text) { return text; }
inline Value write(const std::vector<std::string>& list) { return list; }

template <class T, class RuleType>
std::optional<Value> written(const T& field, const RuleType&) {
  return write(field);
}
template <class T, class RuleType>
std::optional<Value> written(const std::optional<T>& field, const RuleType&) {
  return field ? std::optional(write(*field)) : std::nullopt;
}
// As most people write it: one text is no list.
inline std::optional<Value> written(const std::vector<std::string>& field, const TextsRule&) {
  if (field.size() > 1) return write(field);
  return write(field.empty() ? std::string() : field[0]);
}
template <class Enum>
std::optional<Value> written(const Enum& field, const Words<Enum>& rule) {
  for (const auto& [word, meaning] : rule.words) {
    if (meaning == field) return std::string(word);
  }
  return std::nullopt;
}

// The first element that the rule does not allow.
template <class RuleType>
std::optional<Refused> bad_element(const Value&, const RuleType&) {
  return std::nullopt;
}
inline std::optional<Refused> bad_element(const Value& value, const ListRule& rule) {
  const auto* list = std::get_if<std::vector<std::string>>(&value);
  for (std::size_t i = 0; list && i < list->size(); ++i) {
    if (!rule.good((*list)[i])) return Refused{'[' + std::to_string(i) + ']', (*list)[i]};
  }
  return std::nullopt;
}
inline std::optional<Refused> bad_element(const Value& value, const TextsRule& rule) {
  return bad_element(value, ListRule{rule.allowed, rule.good});
}

// Binds a name to the field at the end of Path, which starts at Root.
template <class Root, auto... Path, class RuleType>
Key<Root> key(std::string_view name, const RuleType& rule, Applies applies = {},
              bool secret = false) {
  Key<Root> bound{name, rule.allowed, applies, secret, false, false, {}, {}};
  if constexpr (std::is_same_v<RuleType, Rule<std::string>>) bound.is_path = rule.is_path;
  bound.is_list = std::is_same_v<RuleType, ListRule> || std::is_same_v<RuleType, TextsRule>;
  bound.get = [rule](const Root& root) { return written((root.*....*Path), rule); };
  bound.set = [rule](Root& root, const Value& value) -> std::optional<Refused> {
    if (auto refused = bad_element(value, rule)) return refused;
    auto accepted = read(value, rule);
    if (!accepted) return Refused{{}, value};
    (root.*....*Path) = std::move(*accepted);
    return std::nullopt;
  };
  return bound;
}

}  // namespace zws::config
