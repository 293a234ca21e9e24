// KeySet: keys that tokens are checked with: all that the configuration names (the secret, the PEM file
// and the JWKS file), or those that were fetched from auth.jwks_url.
//
// Thread: immutable after construction; from several threads at once.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "auth/key.hpp"
#include "config/config.hpp"

namespace zws {

class KeySet {
 public:
  // Throws StartupError{configuration} with one line that names the setting and the file.
  explicit KeySet(const AuthConfig& config);
  explicit KeySet(std::vector<Key> keys) : keys_(std::move(keys)) {}

  bool empty() const noexcept { return keys_.empty(); }
  std::size_t size() const noexcept { return keys_.size(); }

  // The keys that may have signed the token: those of its alg, and of its kid where the token and
  // the key both have one. A token without kid is tried with every key of its alg. They are all
  // slow, or all fast.
  std::vector<const Key*> serving(const Token& token) const;

  bool holds(const KeyDigest& digest) const noexcept;
  // Whether `is` is true of each key.
  bool all_of(const std::function<bool(const KeyDigest&)>& is) const;

 private:
  std::vector<Key> keys_;
};

}  // namespace zws
