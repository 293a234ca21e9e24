// SessionWalk: looks at all clients of a lane, a slice at a time, with the lane's other work in between.
//
// From the last to the first: who leaves meanwhile has the last one move into its place, and who comes is
// behind. So nobody who stays is missed; some may be met again, and are looked at once all the same.
//
// Thread: a value, of the lane that works.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "api/slice.hpp"

namespace zws {

class SessionWalk {
 public:
  // Calls `look(session)` for some that are not gone; true if there are more.
  template <typename Session, typename Look>
  bool some(const std::vector<Session*>& sessions, Slice& slice, Look&& look) {
    if (!begun_) left_ = sessions.size();
    begun_ = true;
    left_ = std::min(left_, sessions.size());
    while (left_ > 0 && !slice.over()) {
      Session& session = *sessions[--left_];
      if (session.left()) continue;  // it is as good as gone, though its peer may take its time
      if (seen_.insert(session.place.ticket).second) look(session);
    }
    return left_ > 0;
  }

 private:
  bool begun_ = false;
  std::size_t left_ = 0;
  std::unordered_set<std::uint64_t> seen_;
};

}  // namespace zws
