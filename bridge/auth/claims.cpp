#include "auth/claims.hpp"

#include <jansson.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "auth/json.hpp"
#include "core/log.hpp"
#include "core/user.hpp"

namespace zws {
namespace {

constexpr double time_max_s = 253402300799.0;  // the last second of the year 9999
constexpr double wall_time_max_s = 9.2e9;      // WallTime counts nanoseconds and ends in 2262

std::string_view text_of(const json_t* json) noexcept {
  return {json_string_value(json), json_string_length(json)};
}

bool holds(const std::vector<std::string>& list, std::string_view text) noexcept {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// The member; null where it is absent, or null.
const json_t* member(const json_t& object, const std::string& name) noexcept {
  const json_t* json = json_object_getn(&object, name.data(), name.size());
  return json_is_null(json) ? nullptr : json;
}

// The claim at a path. A member with dots in its name comes before a path of the same letters.
const json_t* claim_at(const json_t& object, const std::string& path) {
  if (const json_t* whole = member(object, path)) return whole;
  for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
    const json_t* inner = member(object, path.substr(0, dot));
    if (!json_is_object(inner)) continue;
    if (const json_t* found = claim_at(*inner, path.substr(dot + 1))) return found;
  }
  return nullptr;
}

// What a claim says of its bearer: a text, or an integer's decimal text.
std::optional<std::string> word_of(const json_t* json) {
  if (json_is_string(json)) return std::string(text_of(json));
  if (json_is_integer(json)) return std::to_string(json_integer_value(json));
  return std::nullopt;
}

void append_words(std::vector<std::string>& out, std::string_view text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin) out.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

// A string is its words, a list its strings; nothing where something is neither.
std::optional<std::vector<std::string>> words_of(const json_t* json) {
  std::vector<std::string> words;
  if (json_is_string(json)) {
    append_words(words, text_of(json));
    return words;
  }
  if (!json_is_array(json)) return std::nullopt;
  for (std::size_t i = 0; i < json_array_size(json); ++i) {
    const json_t* item = json_array_get(json, i);
    if (!json_is_string(item)) return std::nullopt;
    words.emplace_back(text_of(item));
  }
  return words;
}

WallTime wall_time(double unix_s) noexcept {
  const auto ms = static_cast<std::int64_t>(std::min(unix_s, wall_time_max_s) * 1000);
  return WallTime(std::chrono::milliseconds(ms));
}

// For the log, whatever somebody wrote there: the first two, each cut.
std::string shown_words(const std::vector<std::string>& words) {
  constexpr std::size_t words_max = 2;
  constexpr std::size_t word_bytes_max = 80;
  std::string text;
  for (std::size_t i = 0; i < std::min(words.size(), words_max); ++i)
    text += (i == 0 ? "'" : ", '") + log::escaped(words[i], word_bytes_max) + '\'';
  if (words.size() > words_max) text += ", ...";
  return text;
}

std::string shown_words(const json_t* claim) {
  if (json_is_string(claim)) return shown_words(std::vector{std::string(text_of(claim))});
  std::vector<std::string> words;
  for (std::size_t i = 0; i < json_array_size(claim) && words.size() < 3; ++i) {
    const json_t* item = json_array_get(claim, i);
    if (json_is_string(item)) words.emplace_back(text_of(item));
  }
  return words.empty() ? "no text" : shown_words(words);
}

// One reading of one payload. Each step says whether to go on; when not, `why_` tells.
class Reading {
 public:
  Reading(const json_t& claims, const ClaimRules& rules, WallTime now)
      : claims_(claims), rules_(rules), now_(now) {}

  Verdict verdict(Proof proof) {
    const bool good = user() && times() && issuer() && audience() && role() && topics();
    if (!good) return Verdict::invalid(why_);
    // Last, so that only a token that was once good is called expired.
    if (identity_.ends && now_ >= *identity_.ends) return Verdict::expired();
    identity_.proof = std::move(proof);
    return Verdict::good(std::make_shared<const Identity>(std::move(identity_)));
  }

 private:
  const json_t* claim(const char* name) const noexcept { return member(claims_, name); }

  bool refuse(std::string why) noexcept {
    why_ = std::move(why);
    return false;
  }

  // Two issuers that differ in a slash look alike to whoever sees one of them.
  bool refuse_other(const char* name, const json_t* found, const std::vector<std::string>& wanted) {
    std::string text(name);
    text += found == nullptr ? " is missing" : " is " + shown_words(found);
    text.append(", and auth.").append(name == std::string_view("iss") ? "issuer" : "audience");
    return refuse(text + " is " + shown_words(wanted));
  }

  bool user() {
    const json_t* sub = claim_at(claims_, rules_.claims.user);
    if (!sub) return refuse("the user's claim (auth.claims.user) is missing");
    const auto name = word_of(sub);
    if (!name)
      return refuse("the user's claim (auth.claims.user) is neither a string nor an integer");
    if (!is_user(*name))
      return refuse("the user is not 1 to 200 bytes without '*' and control characters");
    identity_.user = *name;
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
    if (rules_.issuers.empty()) return true;
    const json_t* iss = claim("iss");
    if (json_is_string(iss) && holds(rules_.issuers, text_of(iss))) return true;
    return refuse_other("iss", iss, rules_.issuers);
  }

  bool audience() {
    const auto& wanted = rules_.audiences;
    if (wanted.empty() || holds(wanted, "*")) return true;
    const json_t* aud = claim("aud");
    if (json_is_string(aud) && holds(wanted, text_of(aud))) return true;
    for (std::size_t i = 0; i < json_array_size(aud); ++i) {
      const json_t* item = json_array_get(aud, i);
      if (json_is_string(item) && holds(wanted, text_of(item))) return true;
    }
    return refuse_other("aud", aud, wanted);
  }

  // A role in a shape that is not known here gives no right and does no harm.
  void add_role(std::string role) {
    if (!roles_.insert(role).second) return;  // said again it would only cost
    identity_.admin = identity_.admin || holds(rules_.claims.admin, role);
    identity_.roles.push_back(std::move(role));
  }

  bool role() {
    for (const std::string& path : rules_.claims.roles) {
      const json_t* json = claim_at(claims_, path);
      if (json_is_array(json)) {
        for (std::size_t i = 0; i < json_array_size(json); ++i)
          if (auto role = word_of(json_array_get(json, i))) add_role(std::move(*role));
      } else if (auto words = words_of(json)) {
        for (std::string& role : *words) add_role(std::move(role));
      } else if (auto word = word_of(json)) {
        add_role(std::move(*word));
      }
    }
    return true;
  }

  bool topics() {
    const json_t* claim = claim_at(claims_, rules_.claims.topics);
    if (!claim) return true;
    const auto words = words_of(claim);
    if (!words) return refuse("topics is not a list of strings");
    auto& patterns = identity_.topics.emplace();
    for (const std::string& word : *words) {
      auto pattern = Pattern::parse(word);
      if (!pattern) return refuse("topics holds what is no pattern");
      patterns.push_back(std::move(*pattern));
    }
    return true;
  }

  const json_t& claims_;
  const ClaimRules& rules_;
  const WallTime now_;
  Identity identity_;
  std::set<std::string> roles_;  // those that it has
  std::string why_;
};

}  // namespace

ClaimRules::ClaimRules(const AuthConfig& config)
    : issuers(config.issuer),
      audiences(config.audience),
      require_exp(config.require_exp),
      claims(config.claims),
      read{"exp", "nbf", "iat", "iss", "aud", claims.user, claims.topics} {
  read.insert(read.end(), claims.roles.begin(), claims.roles.end());
}

bool ClaimRules::read_the_same(const ClaimRules& other) const {
  const auto all = [](const ClaimRules& rules) {
    return std::tie(rules.issuers, rules.audiences, rules.require_exp, rules.claims.user,
                    rules.claims.roles, rules.claims.topics, rules.claims.admin);
  };
  return all(*this) == all(other);
}

Verdict judge_claims(std::string_view json, const ClaimRules& rules, WallTime now, Proof proof) {
  const Json claims = parse_claims(json, rules.read);
  if (!claims)
    return Verdict::invalid("the claims are not a JSON object in good form, or one is there twice");
  proof.claims = json;
  return Reading(*claims, rules, now).verdict(std::move(proof));
}

}  // namespace zws
