// Roll: the sessions of a lane, in a list and by their tickets.
//
// Thread: its lane only. Lifetime: borrows the sessions, each from enter() to leave().
#pragma once

#include <cstdint>
#include <vector>

#include "lane/tickets.hpp"

namespace zws {

class Roll {
 public:
  // All or nothing: where there is no memory for it, it was never here.
  void enter(Session& session);
  // The last one moves into its place in the list. False, and nothing is done, for who never entered: it
  // ends as any other does.
  bool leave(Session& session) noexcept;

  // Null for who has left the roll.
  Session* find(std::uint64_t ticket) const noexcept { return tickets_.find(ticket); }
  const std::vector<Session*>& all() const noexcept { return sessions_; }

 private:
  std::vector<Session*> sessions_;
  Tickets tickets_;
};

}  // namespace zws
