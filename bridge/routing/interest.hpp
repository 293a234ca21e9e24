// Interest: how a lane says what its subscribers listen to.
//
// Thread: the lane's own.
#pragma once

#include "core/pattern.hpp"

namespace zws {

class Interest {
 public:
  virtual ~Interest() = default;

  // The first subscriber of a topic or pattern has come to the lane. Called while the caller looks at
  // the exchange (Exchange::look()), so that nothing arrives between its question and its interest.
  virtual void begins(const Pattern& pattern) = 0;

  // The last one has gone. Called while nobody on this thread looks at the exchange.
  virtual void ends(const Pattern& pattern) noexcept = 0;
};

}  // namespace zws
