// Interest: how a lane says what its subscribers listen to.
//
// Thread: the lane's own.
#pragma once

#include <vector>

#include "core/pattern.hpp"

namespace zws {

class Interest {
 public:
  virtual ~Interest() = default;

  // Somebody on the lane wants a topic or pattern that nobody wanted there. Called while the caller
  // looks at the exchange (Exchange::look()), so that nothing arrives between its question and its
  // interest.
  virtual void begins(const Pattern& pattern) = 0;

  // Nobody wants it any more. Called while nobody on this thread looks at the exchange.
  virtual void ends(const Pattern& pattern) noexcept = 0;
  // The same of many at once.
  virtual void end(const std::vector<Pattern>& patterns) noexcept {
    for (const Pattern& each : patterns) ends(each);
  }

  // The same of those who want to be told what becomes of its sources, too.
  virtual void watch_begins(const Pattern& pattern) = 0;
  virtual void watch_ends(const Pattern& pattern) noexcept = 0;
};

}  // namespace zws
