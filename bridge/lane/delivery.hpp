// Delivery: takes what waits for a lane to its subscribers, a turn at a time.
//
// Thread: its lane only. Lifetime: borrows the lane's inbox and router.
#pragma once

#include <functional>
#include <utility>

#include "lane/inbox.hpp"
#include "routing/router.hpp"

namespace zws {

class Delivery {
 public:
  // `on_untold`: events are missing that no gap names. From then until it returns no client may get an
  // event from behind them, which would move its position past events that it never got.
  Delivery(Inbox& inbox, Router& router, std::function<void()> on_untold)
      : inbox_(inbox), router_(router), on_untold_(std::move(on_untold)) {}

  // True if something is left. `between` as in Router::publish().
  bool take_turn(const std::function<void()>& between) {
    const Inbox::Turn turn = inbox_.take();
    if (turn.untold) on_untold_();
    if (turn.batch && turn.batch->reached) {
      turn.batch->reached();
      return turn.more;
    }
    const std::size_t deliveries = router_.publish(turn.all(), between);
    if (turn.batch && turn.batch->receipt) turn.batch->receipt->add(deliveries);
    return turn.more;
  }

 private:
  Inbox& inbox_;
  Router& router_;
  const std::function<void()> on_untold_;
};

}  // namespace zws
