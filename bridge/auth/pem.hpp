// A PEM public key or certificate, read.
//
// Thread: any; may log a warning.
#pragma once

#include <string>
#include <vector>

#include "auth/key.hpp"
#include "config/key_source.hpp"

namespace zws {

// RSA serves RS256 and PS256, P-256 serves ES256, Ed25519 serves EdDSA. Of a chain of certificates the
// first counts, whatever it says of time and purpose. Anything else, a private key and a second key
// are refused through `source`.
std::vector<Key> keys_of_pem(const std::string& text, const KeySource& source);

}  // namespace zws
