// Identity: who a client is, as far as a token proved it.
//
// Thread: a value; immutable once made and shared as IdentityPtr.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/pattern.hpp"

namespace zws {

struct Identity {
  std::string user;                // the claim sub, 1-200 bytes
  bool admin = false;              // one of the roles is in auth.claims.admin
  std::vector<std::string> roles;  // of the claims in auth.claims.roles, known to us or not
  std::optional<WallTime> ends;    // exp + 30 s: the instant at which the token ends
  std::string expires;  // exp as RFC 3339 (a WallTime cannot hold 9999999999); empty: no exp
  std::optional<std::vector<Pattern>> topics;  // the claim topics, in place of auth.user.subscribe
};

using IdentityPtr = std::shared_ptr<const Identity>;

}  // namespace zws
