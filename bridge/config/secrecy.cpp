#include "config/secrecy.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "config/keys.hpp"

namespace zws::config {
namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

bool is_of(std::string_view text, std::initializer_list<std::string_view> sets) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return std::any_of(sets.begin(), sets.end(),
                       [&](std::string_view set) { return is_one_of(c, set); });
  });
}

// What `openssl rand` or a password manager writes.
bool is_random(std::string_view text) {
  constexpr std::size_t bytes_min = 32;
  return text.size() >= bytes_min && text[0] != '/' && is_of(text, {letters, digits, "+/=_-"}) &&
         text.find_first_of(digits) != std::string_view::npos &&
         text.find_first_of(letters) != std::string_view::npos;
}

// A key of CURVE; without a mark that only Z85 has it could be a path.
bool is_curve_key(std::string_view text) {
  return text.size() == 40 && is_of(text, {letters, digits, ".-:+=^!/*?&<>()[]{}@%$#"}) &&
         text.find_first_of("+=^!?&<>()[]{}@%$#") != std::string_view::npos;
}

// Whether the key is one that must not be shown: a known one says so itself.
bool is_secret(std::string_view key) {
  if (!key.empty() && key.back() == ']') key = key.substr(0, key.rfind('['));
  if (const ConfigKey* known = find_key(key)) return known->secret;
  if (starts_with(key, "auth.roles.") && find_role_key(key.substr(key.rfind('.') + 1)))
    return false;
  const bool of_route = starts_with(key, "route[");
  return !of_route || !find_route_key(key.substr(key.rfind('.') + 1));
}

bool is_path_key(std::string_view key) {
  const ConfigKey* known = find_key(key);
  return known && known->is_path;
}

bool is_folder(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

// Whether the first folder that it names is there. "/" alone says nothing.
bool begins_in_a_folder(const std::string& path) {
  const std::size_t name = path.find_first_not_of('/');
  const std::size_t end = path.find('/', name);
  return name != std::string::npos && end != std::string::npos && is_folder(path.substr(0, end));
}

template <class Mask>
Value each_text(const Value& value, const Mask& mask) {
  if (const auto* text = std::get_if<std::string>(&value)) return mask(*text);
  if (const auto* foreign = std::get_if<Foreign>(&value)) return Foreign{mask(foreign->text)};
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    std::vector<std::string> all;
    for (const std::string& text : *list) all.push_back(mask(text));
    return all;
  }
  return value;
}

}  // namespace

bool names_secret(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  // Keys of [auth] hold what nobody else should have, however they are misspelt.
  for (const std::string_view word :
       {"auth", "secr", "pass", "token", "key", "cred", "redis", "hs256", "jwt", "pwd"}) {
    if (lower.find(word) != std::string::npos) return true;
  }
  return false;
}

Value value_without_secrets(const Value& value) {
  return each_text(value, [](const std::string& text) { return without_secrets(text); });
}

std::string without_likely_secrets(std::string_view text) {
  return is_random(text) || is_curve_key(text) ? std::string(secret_mask) : without_secrets(text);
}

std::string shown_path(std::string_view text) {
  constexpr std::size_t bytes_max = 4096;
  const std::string path(text);
  const bool is_ordinary = path.size() < bytes_max &&
                           is_of(path, {letters, digits, "/._-+@~,= "}) &&
                           without_secrets(path) == path;
  if (!is_ordinary) return std::string(secret_mask);
  struct stat about {};
  const bool shows = path.empty() || ::stat(path.c_str(), &about) == 0 || begins_in_a_folder(path);
  return shows ? path : std::string(secret_mask);
}

Value masked(std::string_view key, const Value& value) {
  if (is_secret(key)) return std::string(secret_mask);
  if (is_path_key(key)) {
    const auto* text = std::get_if<std::string>(&value);
    return text ? shown_path(*text) : std::string(secret_mask);
  }
  return each_text(value, [](const std::string& text) { return without_likely_secrets(text); });
}

}  // namespace zws::config
