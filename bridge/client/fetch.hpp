// Fetch: one topic or pattern of a fetch, which asks the history for events and subscribes to nothing. Slices
// takes it through three steps; a reload may come between them, so the last asks for the rights again.
//
// Thread: its lane only.
#pragma once

#include "auth/grants.hpp"
#include "client/long_request.hpp"
#include "config/route_table.hpp"
#include "exchange/history.hpp"

namespace zws {

struct Fetch {
  // Before the look: what may be asked, and by whom.
  static void prepare(const LongRequest& whole, const RouteTable& routes, const Grants& grants,
                      Answer& answer);
  // Finds the events that fit, with the answer, into `room`; what the answer takes of it is gone then.
  static void look(History& history, LongRequest& whole, Answer& answer, std::size_t& room);
  // Sends them, and the answer behind them.
  static void answer(LongRequest& whole, const RouteTable& routes, const Grants& grants,
                     Answer& answer);
};

}  // namespace zws
