// A JWKS file (RFC 7517), read.
//
// Thread: any; logs one warning for each key that it skips.
#pragma once

#include <string>
#include <vector>

#include "auth/key.hpp"
#include "config/key_source.hpp"

namespace zws {

// Each key serves its own `alg`; one without it serves what its type allows (RSA: RS256 and PS256;
// EC: by its curve; Ed25519: EdDSA; a secret: nothing). Keys meant for something else (`use`,
// `key_ops`, types and algorithms that are not ours) are skipped. A private or a weak key, damage, a
// file without any usable key or with over 100 of them is refused through `source`.
std::vector<Key> keys_of_jwks(const std::string& text, const KeySource& source);

}  // namespace zws
