// PublicKey: OpenSSL's public key, owned.
//
// Thread: a key may verify in several threads at once.
#pragma once

#include <memory>

#include "config/key_source.hpp"

struct evp_pkey_st;

namespace zws {

struct PublicKeyRelease {
  void operator()(evp_pkey_st* key) const noexcept;
};

using PublicKey = std::unique_ptr<evp_pkey_st, PublicKeyRelease>;

// Refuses an RSA key under 2048 bits, and numbers that are no key: an even exponent, a point that is
// not on its curve.
void check_public_key(evp_pkey_st& key, const KeySource& source);

}  // namespace zws
