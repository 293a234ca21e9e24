#include "auth/key_set.hpp"

#include <algorithm>
#include <utility>

#include "auth/jose.hpp"
#include "auth/jwks.hpp"
#include "auth/pem.hpp"
#include "config/key_source.hpp"

namespace zws {
namespace {

constexpr std::size_t secret_bytes_min = 32;
constexpr std::size_t secret_bytes_max = 1024;  // libjose's own bound

std::vector<Key> keys_of_secret(const std::string& secret, const KeySource& source) {
  if (secret.size() < secret_bytes_min || secret.size() > secret_bytes_max)
    source.refuse("the secret has " + std::to_string(secret.size()) +
                  " bytes; allowed: 32 to 1024");
  std::vector<Key> keys;
  keys.emplace_back("HS256", std::nullopt, *jose::jwk_of_secret(secret));
  return keys;
}

// Editors and `echo` end a file with a newline that is no part of the secret.
std::string without_newline(std::string text) {
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return text;
}

}  // namespace

KeySet::KeySet(const AuthConfig& config) {
  const auto add = [this](std::vector<Key> keys) {
    for (auto& key : keys) keys_.push_back(std::move(key));
  };
  if (!config.hs256_secret.empty())
    add(keys_of_secret(config.hs256_secret, KeySource("auth.hs256_secret")));
  if (!config.hs256_secret_file.empty()) {
    const KeySource source("auth.hs256_secret_file", config.hs256_secret_file);
    add(keys_of_secret(without_newline(source.read()), source));
  }
  if (!config.hs256_previous_secret.empty())
    add(keys_of_secret(config.hs256_previous_secret, KeySource("auth.hs256_previous_secret")));
  if (!config.hs256_previous_secret_file.empty()) {
    const KeySource source("auth.hs256_previous_secret_file", config.hs256_previous_secret_file);
    add(keys_of_secret(without_newline(source.read()), source));
  }
  if (!config.public_key_file.empty()) {
    const KeySource source("auth.public_key_file", config.public_key_file);
    add(keys_of_pem(source.read(), source));
  }
  if (!config.jwks_file.empty()) {
    const KeySource source("auth.jwks_file", config.jwks_file);
    add(keys_of_jwks(source.read(), source));
  }
}

std::vector<const Key*> KeySet::serving(const Token& token) const {
  std::vector<const Key*> found;
  for (const auto& key : keys_)
    if (key.serves(token)) found.push_back(&key);
  return found;
}

bool KeySet::holds(const KeyDigest& digest) const noexcept {
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](const Key& key) { return key.digest() == digest; });
}

bool KeySet::all_of(const std::function<bool(const KeyDigest&)>& is) const {
  return std::all_of(keys_.begin(), keys_.end(), [&](const Key& key) { return is(key.digest()); });
}

}  // namespace zws
