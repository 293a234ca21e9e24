// Rule: what a key may hold, in words and as a check. All manuals and complaints use these words.
//
// Thread: any; values and pure functions. No rule touches the machine: whether a file can be read
// is for checks.hpp.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"

namespace zws::config {

template <class T>
struct Rule {
  std::string allowed;
  std::function<bool(const T&)> good;
  bool is_path = false;  // of a file
};

// A list's rule: `good` is asked for each element.
struct ListRule {
  std::string allowed;
  std::function<bool(const std::string&)> good;
};

// One text, or a list of them. `good` is asked for each.
struct TextsRule {
  std::string allowed;
  std::function<bool(const std::string&)> good;
};

Rule<bool> flag();
Rule<std::size_t> integer(std::size_t min, std::size_t max);
Rule<Duration> time_between(Duration min, Duration max);

Rule<std::string> url_path();
Rule<std::string> file_path();
Rule<std::string> file_mode();
Rule<std::string> secret_text();
Rule<std::string> fetched_url();
Rule<std::string> redis_url();
Rule<std::string> fleet_prefix();
Rule<std::string> fleet_name();
TextsRule listen_addresses();
TextsRule claim_texts();
Rule<std::string> claim_path();
Rule<std::string> topic_pattern();
Rule<std::string> short_text();

ListRule origins();
ListRule networks();
ListRule bind_endpoints();
ListRule connect_endpoints();
ListRule topic_prefixes();
ListRule anonymous_patterns();
ListRule user_patterns();
ListRule claim_paths();
ListRule role_names();
ListRule rights();

// An enumeration and its words.
template <class Enum>
struct Words {
  std::string allowed;
  std::vector<std::pair<std::string_view, Enum>> words;
};

Words<EventFormat> event_formats();
Words<Overflow> overflows();
Words<log::Level> log_levels();
Words<log::Format> log_formats();

}  // namespace zws::config
