// Subscriptions: subscribe, unsubscribe and fetch of one lane's clients.
//
// A subscribe is one step on the lane: the answer, what the client missed, then live events, with
// nothing between them that is sent twice or not at all.
//
// Thread: its lane only. Lifetime: one per lane.
#pragma once

#include <string>
#include <vector>

#include "auth/grants.hpp"
#include "client/client_protocol.hpp"
#include "client/long_request.hpp"
#include "client/session.hpp"
#include "config/route_table.hpp"
#include "exchange/history.hpp"
#include "routing/router.hpp"

namespace zws {

class Subscriptions {
 public:
  Subscriptions(Router& router, History& history, const RouteTable& routes);

  void set_routes(const RouteTable& routes) noexcept { routes_ = &routes; }

  const RouteTable& routes() const noexcept { return *routes_; }

  // What every client has without asking: @all, and its own @user/<id>.
  void join_own(Session& session);

  // One slice of a subscribe or unsubscribe: one topic at least, and no more once the client's queue is
  // at its bound or the slice has taken its time. The session may leave in it.
  void go_on(Session& session, LongRequest& request, bool open_mode);
  // False when it was refused.
  bool fetch(Session& session, const Request& request, bool open_mode);

  // Ends what the session may no longer hear, and tells it.
  void review(Session& session, bool open_mode);

 private:
  // What a request's `since` says of the topics of one pattern.
  struct Named {
    std::vector<TopicPosition> topics;
    bool raw = false;  // one of them has no ids to go on from
  };
  struct Replay {
    std::vector<EventPtr> events;
    bool asked = false;       // the answer says `replayed`
    bool recovering = false;  // the answer says `recovered`
    bool recovered = false;
  };

  void answer_next(Session& session, LongRequest& request, const Grants& grants);
  void subscribe_one(Session& session, LongRequest& whole, const std::string& topic,
                     const Grants& grants);
  void unsubscribe_one(Session& session, LongRequest& whole, const std::string& topic);
  static void refuse(Session& session, LongRequest& request, const std::string& topic,
                     const Refusal& fault);
  Refusal fault_of(Session& session, const std::string& topic, const Request& request,
                   const Grants& grants) const;
  Refusal since_fault(const Pattern& pattern, const Request& request, const Named& named) const;
  bool is_raw(std::string_view topic) const noexcept;
  Named named_by(const Pattern& pattern, const Request& request) const;
  void end(Session& session, const Pattern& pattern);
  Replay replay_for(Session& session, const Pattern& pattern, const Request& request,
                    const Named& named, std::uint64_t had_live_after, bool covered);
  bool leave_out_what_is_had(const Session& session, const Pattern& pattern,
                             std::uint64_t had_live_after, std::vector<EventPtr>& events) const;
  std::vector<EventPtr> newest(const Pattern& pattern, const Request& request,
                               std::size_t events_max, std::size_t bytes_max);
  Fetched newest_again(Session& session, const Pattern& pattern, const Request& request);
  std::size_t room_in(const Session& session) const noexcept;

  Router& router_;
  History& history_;
  const RouteTable* routes_;
};

}  // namespace zws
