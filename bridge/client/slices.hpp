// Slices: subscribe, unsubscribe and fetch of one lane's clients, each answered a slice at a time
// (LongRequest).
//
// A subscribe or fetch is a look at the exchange and an answer. While the exchange is looked at nothing
// arrives: the lane's interest begins, what the client missed is found, and a place is put among what
// waits for the lane. When the lane comes to the place the client is answered and joins: so what came
// before the look was before the answer, and what comes later is live, with nothing between them that is
// sent twice or not at all.
//
// Thread: its lane only. Lifetime: one per lane.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/grants.hpp"
#include "client/client_protocol.hpp"
#include "client/long_request.hpp"
#include "client/session.hpp"
#include "client/subscriptions.hpp"
#include "config/route_table.hpp"
#include "exchange/exchange.hpp"
#include "routing/router.hpp"

namespace zws {

// What came of a look.
enum class Outlook : std::uint8_t {
  done,
  not_yet,  // what the history holds has to grow younger first: look again
  past,     // the archive has to be asked for LongRequest::past first: look again then
  behind    // the client has heard what has not come here yet: look again in a moment
};

class Slices {
 public:
  Slices(Router& router, Exchange& exchange, BatchSink& lane, const RouteTable& routes,
         Subscriptions& subscriptions);

  void set_routes(const RouteTable& routes) noexcept { routes_ = &routes; }

  const RouteTable& routes() const noexcept { return *routes_; }

  // One slice of a subscribe or fetch: looks at what is asked for next, one topic at least. `reached` is
  // called later, on the lane: then answer(), unless the session has left and give_up() was called.
  // Where it is not done, nothing is called.
  Outlook look(Session& session, LongRequest& request, bool open_mode,
               std::function<void()> reached);
  // Answers what was looked at. The session may leave in it.
  void answer(Session& session, LongRequest& request, bool open_mode);
  // What was looked at is not wanted any more.
  void give_up(LongRequest& request) noexcept;

  // One slice of an unsubscribe: one topic at least, and no more once the client's queue is at its bound
  // or the slice has taken its time. The session may leave in it.
  void unsubscribe(Session& session, LongRequest& request);

  // Rights have changed. What was prepared and not yet looked at goes by the old ones: it is prepared anew.
  static void prepare_again(LongRequest& request) noexcept;

 private:
  void prepare(Session& session, LongRequest& whole, const Grants& grants);
  void prepare_subscribe(Session& session, LongRequest& whole, const Grants& grants,
                         Answer& answer);
  void look_for_subscribe(const Exchange::Look& look, Session& session, LongRequest& whole,
                          Answer& answer, std::size_t& room);
  bool look_for_sources(const Exchange::Look& look, Session& session, LongRequest& whole,
                        Answer& answer) const;
  void note_past(History& history, LongRequest& whole) const;
  bool may_lack(History& history, const LongRequest& whole, const Answer& answer) const;
  static bool is_behind(History& history, Session& session, Answer& answer, SteadyTime now);
  void look_for_missed(History& history, Session& session, LongRequest& whole, Answer& answer,
                       std::size_t room);
  void answer_subscribe(Session& session, LongRequest& whole, const Grants& grants, Answer& answer);
  void expect_no_longer(const std::vector<Answer>& answers, bool sources) noexcept;
  void unsubscribe_next(Session& session, LongRequest& whole);
  Refusal fault_of(Session& session, const std::string& topic, const Request& request,
                   const Grants& grants) const;
  Refusal read_since(LongRequest& whole, Answer& answer) const;
  Refusal read_named(const Since& since, LongRequest& whole, Answer& answer) const;
  bool is_raw(std::string_view topic) const noexcept;
  bool is_covered(const Session& session, const LongRequest& whole, const Pattern& pattern) const;
  void leave_out_former_raw(std::vector<EventPtr>& events) const;
  void trim_to_routes(std::vector<EventPtr>& events) const;
  bool leave_out_what_is_had(Session& session, const Pattern& pattern, std::uint64_t had_live_after,
                             std::vector<EventPtr>& events);
  static void count(Session& session, Answer& answer) noexcept;
  std::size_t room_in(const Session& session) const noexcept;

  Router& router_;
  Exchange& exchange_;
  BatchSink& lane_;
  const RouteTable* routes_;
  Subscriptions& subscriptions_;
};

}  // namespace zws
