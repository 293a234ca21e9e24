// Key: one key with the one algorithm it may be used with, so that no token can choose.
//
// Thread: immutable after construction; verifies() from several threads at once.
#pragma once

#include <optional>
#include <string>

#include "auth/identity.hpp"
#include "auth/json.hpp"
#include "auth/public_key.hpp"
#include "auth/token.hpp"

namespace zws {

class Key {
 public:
  // `algorithm` is any that libjose verifies; `jwk` a key of the kind it needs.
  Key(std::string algorithm, std::optional<std::string> kid, const json_t& jwk);

  // EdDSA, which libjose lacks; newer tokens call it Ed25519 (RFC 9864).
  Key(std::optional<std::string> kid, PublicKey ed25519);

  const std::optional<std::string>& kid() const noexcept { return kid_; }

  // Whether the token's alg is this key's, and its kid too where both have one.
  bool serves(const Token& token) const noexcept;

  // Whether verifies() takes tens of microseconds and more: all but HMAC.
  bool is_slow() const noexcept { return algorithm_.compare(0, 2, "HS") != 0; }

  // SHA-256 of algorithm and key, whatever its kid and wherever it stands.
  const KeyDigest& digest() const noexcept { return digest_; }

  // Whether the token's signature is this key's. HMAC is compared in constant time.
  bool verifies(const Token& token) const noexcept;

 private:
  std::string algorithm_;
  std::optional<std::string> kid_;
  Json jwk_;
  PublicKey ed25519_;
  KeyDigest digest_;
};

}  // namespace zws
