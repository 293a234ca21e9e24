#include "client/subscriptions.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "client/client_protocol.hpp"
#include "core/json_text.hpp"
#include "core/log.hpp"
#include "core/topic.hpp"

namespace zws {
namespace {

constexpr std::chrono::milliseconds slice_time{1};
constexpr std::size_t slice_ends = 64;

// Whether the session has it without asking.
bool is_own(const Session& session, const Pattern& pattern) {
  if (pattern.text() == topic_all) return true;
  return session.identity() &&
         pattern.text() == std::string(topic_user_prefix) + session.identity()->user;
}

}  // namespace

std::shared_ptr<Batch> new_place() {
  auto place = std::make_shared<Batch>();
  place->events.push_back(Event::make(Event::Fields{}, {std::string_view()}));
  return place;
}

Subscriptions::Subscriptions(Router& router, Exchange& exchange, BatchSink& lane, Find find)
    : router_(router), exchange_(exchange), lane_(lane), find_(std::move(find)) {}

void Subscriptions::join_own(Session& session) {
  assert(!session.left());
  if (!session.standing.may_stay) return;  // a guest that has to sign in hears nothing before
  std::vector<Pattern> own;
  const auto add = [&](const std::optional<Pattern>& pattern) {
    if (pattern && !router_.has_implicitly(session.outbox(), *pattern)) own.push_back(*pattern);
  };
  add(Pattern::parse(topic_all));
  if (session.identity() && !session.identity()->user.empty())
    add(Pattern::parse(std::string(topic_user_prefix) + session.identity()->user));
  if (own.empty()) return;
  auto place = new_place();
  const Exchange::Look look = exchange_.look();
  for (const Pattern& each : own) router_.expect(each);
  place->reached = [this, ticket = session.place.ticket, own, since = look.newest_arrival()] {
    join_at_place(ticket, own, since);
  };
  lane_.post(std::move(place));
}

void Subscriptions::join_at_place(std::uint64_t ticket, const std::vector<Pattern>& own,
                                  std::uint64_t since) noexcept {
  Session* session = find_(ticket);
  try {
    for (const Pattern& each : own)
      if (session != nullptr && session->standing.may_stay && is_own(*session, each))
        router_.subscribe(session->outbox(), each, true, since);
  } catch (const std::exception& error) {
    log::error("a client could not join: {}", error.what());
    session->abort();
  }
  for (const Pattern& each : own) router_.no_longer_expected(each);
}

void Subscriptions::begin_review(Session& session) noexcept {
  ++session.usage.reviews;
  if (!session.standing.may_stay) router_.leave_implicit(session.outbox());
}

// From the end down: where one ends, one that was looked at takes its place, and what is new comes behind.
void Subscriptions::review_some(Session& session, const Grants& grants, std::size_t& left) {
  const Clock& clock = *session.rules().clock;
  const SteadyTime until = clock.steady() + slice_time;
  std::size_t ends_left = slice_ends;
  left = std::min(left, session.outbox().subscriptions());
  session.outbox().cork();
  while (left > 0 && ends_left > 0 && clock.steady() < until) {
    const Pattern* asked = router_.asked_at(session.outbox(), --left);
    if (asked == nullptr || still_granted(session, grants, *asked)) continue;
    const Pattern ended = *asked;
    end(session, ended);
    --ends_left;
    session.send_text(JsonObject()
                          .text("type", "unsubscribed")
                          .text("topic", ended.text())
                          .boolean("success", true)
                          .text("code", name_of(ErrorCode::forbidden))
                          .done());
  }
  session.outbox().uncork();
}

bool Subscriptions::still_granted(Session& session, const Grants& grants, const Pattern& pattern) {
  if (!session.standing.may_stay) return false;
  if (pattern.stop() == 0) return grants.covers(pattern);
  const auto granted = grants.granted(pattern.stopping_at(0));
  if (!granted || !granted->covers(pattern)) return false;
  // A right that no longer stops where it did: what was asked for is more now.
  if (granted->stop() != pattern.stop()) widen(session, pattern, *granted);
  return true;
}

// It goes on hearing the one until the lane comes to the place; from there on it hears the other, and
// what it has not heard before the place it is not said to have.
void Subscriptions::widen(Session& session, const Pattern& from, const Pattern& to) {
  auto place = new_place();
  const Exchange::Look look = exchange_.look();
  const bool sources = router_.is_told_sources(session.outbox(), from);
  router_.expect(to, sources);
  place->reached = [this, ticket = session.place.ticket, review = session.usage.reviews, from, to,
                    sources, since = look.newest_arrival()] {
    Session* its = find_(ticket);
    const bool wanted =
        its != nullptr && its->usage.reviews == review;  // the last word on its rights
    try {
      if (wanted) widen_at_place(*its, from, to, since, sources);
    } catch (const std::exception& error) {
      log::error("a client could not be given what it may hear now: {}", error.what());
      its->abort();
    }
    router_.no_longer_expected(to, sources);
  };
  lane_.post(std::move(place));
}

void Subscriptions::widen_at_place(Session& session, const Pattern& from, const Pattern& to,
                                   std::uint64_t since, bool sources) {
  if (!router_.asked(session.outbox(), from)) return;
  const bool fresh = router_.subscribe(session.outbox(), to, false, since).fresh;
  if (sources) router_.tell_sources(session.outbox(), to);
  if (fresh) {
    router_.unsubscribe(session.outbox(), from);
  } else {
    end(session, from);
  }
}

// With whichever right, and so up to whichever stop, it asked for that.
bool Subscriptions::holds(const Session& session, const Pattern& pattern) const noexcept {
  const auto asked_up_to = [&](char stop) {
    return router_.asked(session.outbox(), pattern.stopping_at(stop));
  };
  if (pattern.is_literal()) return router_.asked(session.outbox(), pattern);
  return asked_up_to(0) || std::any_of(separators.begin(), separators.end(), asked_up_to);
}

void Subscriptions::end(Session& session, const Pattern& pattern) {
  if (router_.unsubscribe(session.outbox(), pattern)) session.usage.drop(pattern.text());
}

}  // namespace zws
