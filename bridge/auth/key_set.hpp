// KeySet: all keys that the configuration names, from the secret, the PEM file and the JWKS file.
//
// Thread: immutable after construction; from several threads at once.
#pragma once

#include <vector>

#include "auth/key.hpp"
#include "config/config.hpp"

namespace zws {

class KeySet {
 public:
  // Throws StartupError{configuration} with one line that names the setting and the file.
  explicit KeySet(const AuthConfig& config);

  bool empty() const noexcept { return keys_.empty(); }

  // The keys that may have signed the token: those of its alg, and of its kid where the token and
  // the key both have one. A token without kid is tried with every key of its alg. They are all
  // slow, or all fast.
  std::vector<const Key*> serving(const Token& token) const;

  bool holds(const KeyDigest& digest) const noexcept;
  // Whether `other` holds nothing else, in whatever order.
  bool holds_the_same(const KeySet& other) const noexcept;

 private:
  std::vector<Key> keys_;
};

}  // namespace zws
