// Claims: what a token whose signature is good says of its bearer, and whether it says it now.
//
// Thread: any; a pure function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/verdict.hpp"
#include "config/config.hpp"

namespace zws {

// What the configuration asks of every token.
struct ClaimRules {
  std::vector<std::string> issuers;    // empty: any
  std::vector<std::string> audiences;  // empty or with "*": any
  bool require_exp = true;
  ClaimsConfig claims;
  std::vector<std::string> read;  // the paths of all claims that are

  explicit ClaimRules(const AuthConfig& config);

  // Whether every token means the same by `other`.
  bool read_the_same(const ClaimRules& other) const;
};

// The clocks of issuer and bridge may differ by so much.
constexpr std::chrono::seconds claim_leeway{30};

// `json` is the decoded payload; a good identity gets `proof`, with it.
Verdict judge_claims(std::string_view json, const ClaimRules& rules, WallTime now,
                     Proof proof = {});

}  // namespace zws
