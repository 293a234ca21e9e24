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
  // It counts against the address: a guess. An unknown kid is none: it may be tomorrow's key.
  bool counts = false;

  static Verdict good(IdentityPtr identity) {
    return {TokenFault::none, std::move(identity), {}, false};
  }
  static Verdict invalid(std::string why) {
    return {TokenFault::invalid, nullptr, std::move(why), true};
  }
  static Verdict unknown_key() {
    return {TokenFault::invalid, nullptr, "no key is for the token's alg and kid", false};
  }
  static Verdict key_taken_out() {
    return {TokenFault::invalid, nullptr, "the key that signed the token was taken out", false};
  }
  static Verdict expired() {
    return {TokenFault::expired, nullptr, "the token has expired", false};
  }
  static Verdict busy() {
    return {TokenFault::busy, nullptr, "too many tokens wait to be checked", false};
  }
  static Verdict no_memory() noexcept {  // which takes none
    return {TokenFault::busy, nullptr, "out of memory", false};
  }
  static Verdict no_keys_yet() {
    return {TokenFault::busy, nullptr, "the keys have not been fetched yet", false};
  }
};

}  // namespace zws
