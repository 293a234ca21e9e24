// A JWKS (RFC 7517), read.
//
// Thread: any; logs one warning for each key that it skips.
#pragma once

#include <string>
#include <vector>

#include "auth/key.hpp"
#include "config/key_source.hpp"

namespace zws {

// Each key serves its own `alg`; one without it serves what its type allows (RSA: RS256 and PS256;
// EC: by its curve; Ed25519: EdDSA, which is called Ed25519, too; a secret: nothing). A member that is
// null is absent. Keys that cannot be used (meant for something else by `use` or `key_ops`, of types
// and algorithms that are not ours, weak, damaged, there already) are skipped. A private key, a set
// without any usable key or with over 100 of them is refused through `source`.
std::vector<Key> keys_of_jwks(const std::string& text, const KeySource& source);

// A set that names no key at all, which RFC 7517 permits.
bool is_empty_jwks(const std::string& text);

}  // namespace zws
