// Standing: who a client is, by which token, and until when. Kept by SignIn.
//
// Thread: its lane only. Lifetime: owned by its session.
#pragma once

#include "auth/identity.hpp"
#include "core/clock.hpp"

namespace zws {

struct Standing {
  IdentityPtr identity;         // null: anonymous
  SteadyTime token_ends{};      // zero: never
  bool token_ended = false;     // it was told; the grace runs
  bool from_open_mode = false;  // it came while no key was configured
  bool may_stay = true;         // false: anonymous, and anonymous may not connect
  bool user_counted = false;    // in Admission, under identity->user
};

}  // namespace zws
