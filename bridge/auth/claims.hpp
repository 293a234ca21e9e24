// Claims: what a token whose signature is good says of its bearer, and whether it says it now.
//
// Thread: any; a pure function.
#pragma once

#include <string>
#include <string_view>

#include "auth/verdict.hpp"
#include "config/config.hpp"

namespace zws {

// What the configuration asks of every token.
struct ClaimRules {
  std::string issuer;    // empty: any
  std::string audience;  // empty or "*": any
  bool require_exp = true;

  explicit ClaimRules(const AuthConfig& config)
      : issuer(config.issuer), audience(config.audience), require_exp(config.require_exp) {}
};

// The clocks of issuer and bridge may differ by so much.
constexpr std::chrono::seconds claim_leeway{30};

// `json` is the decoded payload.
Verdict judge_claims(std::string_view json, const ClaimRules& rules, WallTime now);

}  // namespace zws
