// Subscriptions: what each of a lane's clients is subscribed to: its own topics, which it has without asking,
// and what it asked for (Slices), as far as its rights still cover that after a reload.
//
// Thread: its lane only. Lifetime: one per lane.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "auth/grants.hpp"
#include "client/session.hpp"
#include "exchange/exchange.hpp"
#include "routing/router.hpp"

namespace zws {

// A batch without events, for BatchSink::post(): its `reached` is called when all that the lane had before
// it has been delivered.
std::shared_ptr<Batch> new_place();

class Subscriptions {
 public:
  // `find`: the session with that ticket, or nullptr once it has left.
  using Find = std::function<Session*(std::uint64_t ticket)>;
  Subscriptions(Router& router, Exchange& exchange, BatchSink& lane, Find find);

  // What every client has without asking, from its place on: @all, and its own @user/<id>.
  void join_own(Session& session);

  // Its rights have changed. A guest that has to sign in now may hear nothing, @all included.
  void begin_review(Session& session) noexcept;
  // Ends what the session may no longer hear of the first `left` of its memberships, the last first, and
  // tells it. A slice: `left` are still to be looked at.
  void review_some(Session& session, const Grants& grants, std::size_t& left);

  // Whether it asked for that, with whichever right, and so up to whichever stop.
  bool holds(const Session& session, const Pattern& pattern) const noexcept;

  // From a place on it hears `to`, which a wider right grants it, in place of `from`.
  void widen(Session& session, const Pattern& from, const Pattern& to);

  // Ends one that it asked for, if there is one.
  void end(Session& session, const Pattern& pattern);

 private:
  bool still_granted(Session& session, const Grants& grants, const Pattern& pattern);
  void join_at_place(std::uint64_t ticket, const std::vector<Pattern>& own,
                     std::uint64_t since) noexcept;
  void widen_at_place(Session& session, const Pattern& from, const Pattern& to, std::uint64_t since,
                      bool sources);

  Router& router_;
  Exchange& exchange_;
  BatchSink& lane_;
  const Find find_;
};

}  // namespace zws
