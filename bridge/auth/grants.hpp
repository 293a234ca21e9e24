// Grants, authorization: what an identity may listen to.
//
// Thread: one at a time; it borrows the identity's topics. A subscription is granted only if one granted
// pattern covers it, that is: matches every topic it could match. `@all` and the user's own
// `@user/<sub>` are always granted, `@stats` to administrators, other names with '@' never, to an
// administrator neither.
//
//   who                       is granted
//   open mode                 everything
//   administrator             everything
//   user                      the claim `topics` if there is one, else auth.user.subscribe;
//                             and auth.roles.NAME.subscribe of each of its roles
//   anonymous                 auth.anonymous.subscribe; as [] that is only @all
//
// In auth.user.subscribe and those of roles `{user}` is the user's name, inserted literally. A '*' at
// the end of such a right stops at the separator that follows the mark: of "inbox.{user}.*" john has
// inbox.john.x, and nothing of john.smith, whose names begin with inbox.john., too. A configured text
// that is no pattern, or has another character than a separator there, grants nothing (the
// configuration refuses it).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.hpp"
#include "config/config.hpp"

namespace zws {

// Whether the identity may make the administrator's calls of that right ("stats", "publish", ...).
// Cost: one look-up for each of its roles.
bool may(const AuthConfig& config, const Identity& identity, std::string_view right);

// A pattern that somebody has, and where it comes from: "auth.roles.ops.subscribe", or the claim of the token.
struct GrantedRight {
  Pattern pattern;
  std::string from;
};

// All that Grants decides by, in that order. For people who look.
std::vector<GrantedRight> granted_rights(const AuthConfig& config, const Identity& identity);

class Grants {
 public:
  // `identity` null = anonymous. `open` = open mode: everything but foreign '@' names is granted.
  Grants(const AuthConfig& config, const Identity* identity, bool open);

  Grants(const Grants&) = delete;
  Grants(Grants&&) = default;
  Grants& operator=(const Grants&) = delete;

  // `wanted`, if it is granted; where only a right whose '*' stops covers it, one that stops there, too.
  // Cost: a comparison with each granted pattern; from the 16th call on only with those that begin as
  // `wanted` does, which are then found by halves.
  std::optional<Pattern> granted(const Pattern& wanted) const;

  // Whether `wanted` is granted as it is.
  bool covers(const Pattern& wanted) const;

 private:
  struct Right {
    std::string_view begin;  // before the first '*'
    const Pattern* pattern;
    std::size_t order;
  };

  template <typename Visit>
  bool any(const Pattern& wanted, Visit&& visit) const;
  bool covered(const Pattern& wanted) const;
  std::optional<Pattern> stopping(const Pattern& wanted) const;
  void sort_if_worth_it() const;

  bool everything_ = false;
  bool administrator_ = false;
  std::string own_topic_;
  std::vector<Pattern> configured_;
  mutable std::vector<Right> rights_;  // in the order of their beginnings once they are sorted
  mutable std::size_t calls_ = 0;
};

}  // namespace zws
