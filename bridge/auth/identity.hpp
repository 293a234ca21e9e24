// Identity: who a client is, as far as a token proved it.
//
// Thread: a value; immutable once made and shared as IdentityPtr.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/pattern.hpp"

namespace zws {

using KeyDigest = std::array<unsigned char, 32>;

// By what an identity was proved: so much is kept that a reload can have it judged again, and nothing
// that would let anyone sign in.
struct Proof {
  std::string claims;       // the payload, which the rules read
  KeyDigest key{};          // of the key that signed it
  std::uint64_t rules = 0;  // the number of the Verifier's rules that read it
};

struct Identity {
  std::string user;                // the claim sub, 1-200 bytes
  bool admin = false;              // one of the roles is in auth.claims.admin
  std::vector<std::string> roles;  // of the claims in auth.claims.roles, known to us or not
  std::optional<WallTime> ends;    // exp + 30 s: the instant at which the token ends
  std::string expires;  // exp as RFC 3339 (a WallTime cannot hold 9999999999); empty: no exp
  std::optional<std::vector<Pattern>> topics;  // the claim topics, in place of auth.user.subscribe
  Proof proof;                                 // empty where no token proved it
};

using IdentityPtr = std::shared_ptr<const Identity>;

}  // namespace zws
