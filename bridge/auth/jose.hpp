// The door to libjose: signatures and JWKs.
//
// Thread: any. Each call is complete in itself and leaves no error of OpenSSL's behind, which the
// next TLS call of the thread would take for its own.
#pragma once

#include "auth/json.hpp"
#include "auth/public_key.hpp"
#include "auth/token.hpp"

namespace zws::jose {

// Whether the token's signature is that of `jwk` (with its `alg`). Constant time for HMAC.
bool verifies(const json_t& jwk, const Token& token) noexcept;

// {"kty":"oct","k":...} of any bytes.
Json jwk_of_secret(std::string_view secret) noexcept;

// The JWK of an RSA or EC key; null if libjose cannot write it.
Json jwk_of(evp_pkey_st& key) noexcept;

// The RSA or EC key of a JWK; null if it is none.
PublicKey key_of(const json_t& jwk) noexcept;

}  // namespace zws::jose
