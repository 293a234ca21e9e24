// Verdict: what is said of a token.
//
// Thread: a value.
#pragma once

#include <string>
#include <utility>

#include "auth/identity.hpp"

namespace zws {

enum class TokenFault : std::uint8_t { none, invalid, expired, busy };

struct Verdict {
  TokenFault fault = TokenFault::invalid;
  IdentityPtr identity;  // set when fault is none
  std::string reason;    // for the log: "the signature does not match"; never the token

  static Verdict good(IdentityPtr identity) { return {TokenFault::none, std::move(identity), {}}; }
  static Verdict invalid(std::string why) { return {TokenFault::invalid, nullptr, std::move(why)}; }
  static Verdict expired() { return {TokenFault::expired, nullptr, "the token has expired"}; }
  static Verdict busy() {
    return {TokenFault::busy, nullptr, "too many tokens wait to be verified"};
  }
};

}  // namespace zws
