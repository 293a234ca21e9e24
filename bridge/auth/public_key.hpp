// PublicKey: OpenSSL's public key, owned.
//
// Thread: a key may verify in several threads at once.
#pragma once

#include <memory>
#include <string>

struct evp_pkey_st;

namespace zws {

struct PublicKeyRelease {
  void operator()(evp_pkey_st* key) const noexcept;
};

using PublicKey = std::unique_ptr<evp_pkey_st, PublicKeyRelease>;

// Why the key must not be used, empty if it may: an RSA key under 2048 bits or over 8192, which would
// take longer to check than a token is worth, and numbers that are no key (an even exponent, a point
// that is not on its curve).
std::string why_unusable(evp_pkey_st& key);

}  // namespace zws
