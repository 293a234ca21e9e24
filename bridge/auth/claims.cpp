#include "auth/claims.hpp"

#include <jansson.h>

#include <algorithm>
#include <optional>

#include "auth/json.hpp"
#include "core/user.hpp"

namespace zws {
namespace {

constexpr double time_max_s = 253402300799.0;  // the last second of the year 9999
constexpr double wall_time_max_s = 9.2e9;      // WallTime counts nanoseconds and ends in 2262

std::string_view text_of(const json_t* json) noexcept {
  return {json_string_value(json), json_string_length(json)};
}

bool is_text(const json_t* json, std::string_view wanted) noexcept {
  return json_is_string(json) && text_of(json) == wanted;
}

bool list_holds(const json_t* json, std::string_view wanted) noexcept {
  for (std::size_t i = 0; i < json_array_size(json); ++i)
    if (is_text(json_array_get(json, i), wanted)) return true;
  return false;
}

WallTime wall_time(double unix_s) noexcept {
  const auto ms = static_cast<std::int64_t>(std::min(unix_s, wall_time_max_s) * 1000);
  return WallTime(std::chrono::milliseconds(ms));
}

// One reading of one payload. Each step says whether to go on; when not, `why_` tells.
class Reading {
 public:
  Reading(const json_t& claims, const ClaimRules& rules, WallTime now)
      : claims_(claims), rules_(rules), now_(now) {}

  Verdict verdict() {
    const bool good = user() && times() && issuer() && audience() && role() && topics();
    if (!good) return Verdict::invalid(why_);
    // Last, so that only a token that was once good is called expired.
    if (identity_.ends && now_ >= *identity_.ends) return Verdict::expired();
    return Verdict::good(std::make_shared<const Identity>(std::move(identity_)));
  }

 private:
  const json_t* claim(const char* name) const noexcept { return json_object_get(&claims_, name); }

  bool refuse(const char* why) noexcept {
    why_ = why;
    return false;
  }

  bool user() {
    const json_t* sub = claim("sub");
    if (!sub) return refuse("sub is missing");
    if (!json_is_string(sub)) return refuse("sub is not a string");
    const std::string_view name = text_of(sub);
    if (!is_user(name))
      return refuse("sub is not 1 to 200 bytes without '*' and control characters");
    identity_.user = name;
    return true;
  }

  // The time of a claim in `unix_s`, left empty when the claim is absent; false when it is no time.
  bool time(const char* name, std::optional<double>& unix_s) const noexcept {
    const json_t* json = claim(name);
    if (!json) return true;
    if (!json_is_number(json)) return false;
    const double value = json_number_value(json);
    if (!(value >= 0 && value <= time_max_s)) return false;
    unix_s = value;
    return true;
  }

  bool times() {
    std::optional<double> expires, not_before, issued;
    if (!time("exp", expires)) return refuse("exp is not a time");
    if (!time("nbf", not_before)) return refuse("nbf is not a time");
    if (!time("iat", issued)) return refuse("iat is not a time");
    if (not_before && now_ + claim_leeway < wall_time(*not_before))
      return refuse("nbf lies in the future");
    if (issued && now_ + claim_leeway < wall_time(*issued)) return refuse("iat lies in the future");
    if (!expires) return !rules_.require_exp || refuse("exp is missing");
    identity_.ends = wall_time(*expires) + claim_leeway;
    identity_.expires = rfc3339_ms(static_cast<std::int64_t>(*expires * 1000));
    return true;
  }

  bool issuer() {
    if (rules_.issuer.empty() || is_text(claim("iss"), rules_.issuer)) return true;
    return refuse("iss is not auth.issuer");
  }

  bool audience() {
    const json_t* aud = claim("aud");
    if (rules_.audience.empty() || rules_.audience == "*" || is_text(aud, rules_.audience) ||
        list_holds(aud, rules_.audience))
      return true;
    return refuse("aud is not auth.audience");
  }

  bool role() {
    identity_.admin = is_text(claim("role"), "admin") || list_holds(claim("roles"), "admin");
    return true;
  }

  bool topics() {
    const json_t* list = claim("topics");
    if (!list) return true;
    if (!json_is_array(list)) return refuse("topics is not a list");
    auto& patterns = identity_.topics.emplace();
    for (std::size_t i = 0; i < json_array_size(list); ++i) {
      const json_t* item = json_array_get(list, i);
      auto pattern = json_is_string(item) ? Pattern::parse(text_of(item)) : std::nullopt;
      if (!pattern) return refuse("topics holds what is no pattern");
      patterns.push_back(std::move(*pattern));
    }
    return true;
  }

  const json_t& claims_;
  const ClaimRules& rules_;
  const WallTime now_;
  Identity identity_;
  const char* why_ = "";
};

}  // namespace

Verdict judge_claims(std::string_view json, const ClaimRules& rules, WallTime now) {
  const Json claims = parse_json_object(json);
  if (!claims) return Verdict::invalid("the claims are not a JSON object in good form");
  return Reading(*claims, rules, now).verdict();
}

}  // namespace zws
