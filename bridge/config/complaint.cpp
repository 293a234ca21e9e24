#include "config/complaint.hpp"

#include <algorithm>

#include "config/secrecy.hpp"
#include "core/log.hpp"
#include "core/spelling.hpp"

namespace zws::config {
namespace {

std::string_view last_word(std::string_view name) { return name.substr(name.rfind('.') + 1); }

// The nearest of `known`, or nothing; the right key in a wrong table is near.
std::string nearest_key(std::string_view name, const std::vector<std::string>& known) {
  const std::string* best = nearest(name, known, [&](std::string_view candidate) {
    const std::string_view word = last_word(candidate);
    return Distance{
        std::min(letters_between(name, candidate), letters_between(last_word(name), word) + 1),
        word.size()};
  });
  return best != nullptr ? *best : std::string{};
}

// The variable that was meant; the table is what most leave out. What all names begin with counts for
// nothing.
std::string nearest_variable(std::string_view name) {
  const std::size_t prefix_bytes = environment_name("").size();
  const std::string_view given = name.substr(prefix_bytes);
  std::vector<std::string> known{std::string(route_list), std::string(role_table)};
  for (const ConfigKey& key : config_keys()) known.emplace_back(key.name);
  const std::string* best = nearest(name, known, [&](std::string_view key) {
    const std::string candidate = environment_name(key).substr(prefix_bytes);
    const std::string word = environment_name(last_word(key)).substr(prefix_bytes);
    return Distance{std::min(letters_between(given, candidate), letters_between(given, word) + 1),
                    word.size()};
  });
  return best != nullptr ? environment_name(*best) : std::string{};
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// What a key that nobody could have meant might have been: the keys of its table, or the tables.
std::string allowed_beside(std::string_view name) {
  std::vector<std::string> names;
  const std::string_view section = name.substr(0, name.rfind('.'));
  for (const ConfigKey& key : config_keys()) {
    const std::size_t dot = key.name.rfind('.');
    if (key.name.substr(0, dot) == section) names.emplace_back(key.name.substr(dot + 1));
  }
  if (!names.empty()) return "allowed in [" + std::string(section) + "] are " + joined(names);
  for (const std::string& known : sections()) names.push_back('[' + known + ']');
  return "allowed are " + joined(names) + " and [[route]]";
}

std::string place(std::string_view origin, std::string_view key) {
  return log::escaped(origin, 1024) + ": " + log::escaped(key, 128);
}

// A name that nobody knows may be a secret that stands in the wrong place.
std::string shown_name(std::string_view name) {
  const std::string_view last = last_word(name);
  return without_secrets(name.substr(0, name.size() - last.size())) + without_likely_secrets(last);
}

std::string as_written(const std::string& key) {
  return key == route_list ? key + " (in a file [[route]])" : key;
}

StartupError unknown(std::string_view origin, std::string_view name, const std::string& meant,
                     const std::string& otherwise) {
  return StartupError(StartupError::configuration,
                      place(origin, name) + ": unknown key, " +
                          (meant.empty() ? otherwise : "did you mean " + as_written(meant) + '?'));
}

// `name` is the key as it may be shown.
StartupError unknown(std::string_view origin, std::string_view key, std::string_view name,
                     const std::vector<std::string>& known, const std::string& otherwise) {
  return unknown(origin, name, nearest_key(key, known), otherwise);
}

}  // namespace

StartupError refused(std::string_view origin, std::string_view key, const Value& value,
                     std::string_view allowed) {
  return StartupError(StartupError::configuration,
                      remark(origin, key, value, "allowed is " + std::string(allowed)));
}

std::string remark(std::string_view origin, std::string_view key, const Value& value,
                   std::string_view why) {
  return place(origin, key) + " = " + shown(masked(key, value)) + ": " + std::string(why);
}

StartupError unknown_key(std::string_view origin, std::string_view key) {
  std::vector<std::string> known;
  if (key.rfind("auth.roles.", 0) == 0) {
    return unknown(origin, key, shown_name(key), known,
                   "allowed in [auth.roles.NAME] are subscribe, may");
  }
  for (const ConfigKey& candidate : config_keys()) known.emplace_back(candidate.name);
  for (const std::string& section : sections()) known.push_back(section);
  known.emplace_back(route_list);
  known.emplace_back(role_table);
  return unknown(origin, key, shown_name(key), known, allowed_beside(key));
}

StartupError unknown_route_key(std::string_view origin, std::size_t route, std::string_view key) {
  std::vector<std::string> known;
  const std::string prefix = "route[" + std::to_string(route) + "].";
  for (const RouteKey& candidate : route_keys())
    known.push_back(prefix + std::string(candidate.name));
  std::vector<std::string> names;
  for (const RouteKey& candidate : route_keys()) names.emplace_back(candidate.name);
  return unknown(origin, prefix + std::string(key), prefix + shown_name(key), known,
                 "allowed in [[route]] are " + joined(names));
}

StartupError unknown_variable(std::string_view name) {
  return unknown("environment", name, nearest_variable(name),
                 "allowed is ZWSBRIDGE_ and a key, as in ZWSBRIDGE_SERVER_LISTEN");
}

}  // namespace zws::config
