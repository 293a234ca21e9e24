#include "lane/roll.hpp"

#include "client/session.hpp"

namespace zws {

void Roll::enter(Session& session) {
  sessions_.push_back(&session);
  try {
    session.place.ticket = tickets_.give(session);
  } catch (...) {
    sessions_.pop_back();
    throw;
  }
  session.place.index = sessions_.size() - 1;
}

bool Roll::leave(Session& session) noexcept {
  if (find(session.place.ticket) != &session) return false;
  Session* last = sessions_.back();
  sessions_[session.place.index] = last;
  last->place.index = session.place.index;
  sessions_.pop_back();
  tickets_.take_back(session.place.ticket);
  return true;
}

}  // namespace zws
