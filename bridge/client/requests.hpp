// Requests, the handler of client messages on one lane (docs/CLIENTS.md): their rights, the rate limit, the
// limit of errors.
//
// Thread: its lane only. Lifetime: one per lane; outlives its sessions.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "client/client_protocol.hpp"
#include "client/session.hpp"
#include "client/sign_in.hpp"
#include "client/slices.hpp"
#include "client/subscriptions.hpp"
#include "exchange/exchange.hpp"
#include "routing/router.hpp"

namespace zws {

// What get_stats tells beyond the own connection, as a JSON object; `per_topic` for administrators
// only. The answer may come later and from any thread.
using StatsQuery = std::function<void(bool per_topic, std::function<void(std::string)> done)>;

class Requests final : public MessageHandler {
 public:
  Requests(Router& router, Exchange& exchange, BatchSink& lane, SignIn::Parts sign_in,
           const RouteTable& routes);

  // The upgrade is done: checks its token, if it brought one, and lets it in or not.
  void on_upgraded(Session& session, const std::string& token, bool full_for_address);

  void on_message(Session& session, std::string_view message, bool binary) override;
  void on_timer(Session& session, SteadyTime now) override;
  void on_loss(const Session& session, std::string_view topic) noexcept override;
  void on_replaced(Session& session) override;
  void on_room(Session& session) noexcept override;
  void on_leave(Session& session) noexcept override;

  // Events that newer ones replaced, by subscription; null: none.
  const Usage::Replaced* replaced(Session& session);

  // Rights or keys may have changed: ends what is no longer allowed, a slice at once and the rest between
  // other work.
  void review(Session& session);
  bool reviewing() const noexcept { return !reviews_.empty(); }

  void set_routes(const RouteTable& routes) noexcept { slices_.set_routes(routes); }
  void set_stats(StatsQuery query) { stats_ = std::move(query); }

 private:
  static bool within_rate(Session& session, SteadyTime now) noexcept;
  static std::size_t topics_of(const Session& session, const Request& request) noexcept;
  static void refuse_for_rate(Session& session, std::string_view message);
  void refuse(Session& session, const Refusal& refusal);
  void count_error(Session& session);
  void answer(Session& session, Request&& request);
  static void charge(Session& session, std::size_t looks) noexcept;
  void go_on(Session& session);
  void ask_for_past(const std::shared_ptr<LongRequest>& request);
  void look_again_soon(LongRequest& request);
  void queue_again(Session& session) noexcept;
  void on_place(const std::weak_ptr<LongRequest>& request) noexcept;
  bool looks_enough() const noexcept;
  void note_slice(Session& session, LongRequest& request);
  void end_long_request(Session& session);
  void hear_again(Session& session, const std::vector<std::string>& waited);
  void queue(Session& session);
  void post_slice();
  void take_slice() noexcept;
  struct Review {
    Session& session;
    IdentityPtr identity;  // whose topics `grants` borrows
    Grants grants;
    std::size_t left;  // memberships to be looked at
  };
  void post_review();
  void review_some() noexcept;
  void post_review_of_others() noexcept;
  void give_back_soon();
  void answer_stats(Session& session, const std::string& id);
  void on_totals(std::uint64_t ticket, const std::string& id, const std::string& totals) noexcept;
  void tell_stats(Session& session, const std::string& id, const std::string& totals);
  void add_replaced(Session& session, const std::vector<Pattern>& subscriptions);
  std::string own_stats(Session& session);

  Subscriptions subscriptions_;
  Slices slices_;
  SignIn sign_in_;
  Router& router_;
  Exchange& exchange_;
  const SignIn::Parts lane_;  // how to find a session again
  log::Quiet loss_log_;
  StatsQuery stats_;
  std::deque<Session*>
      queued_;  // whose next slice is due, each in its turn; on_leave() takes it out
  bool slice_posted_ = false;
  bool review_posted_ = false;
  std::map<std::uint64_t, Review> reviews_;  // by ticket; on_leave() takes them out
  // What the places that wait for the lane will cost it, in answers and events. Shared with them: one may
  // outlive this.
  const std::shared_ptr<std::size_t> looked_at_ = std::make_shared<std::size_t>(0);
};

}  // namespace zws
