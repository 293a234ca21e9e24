// Archive: where events are kept beyond the life of this process, as the exchange and the clients' requests
// see it. Without one nothing of this is done.
//
// Lifetime: outlives what producers and clients ask; stopped before the lanes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "exchange/batch.hpp"

namespace zws {

class Archive {
 public:
  virtual ~Archive() = default;

  // Takes what a drain brought, or counts it where it cannot. Thread: any, one at a time (the exchange's
  // mutex); never waits.
  virtual void keep(const BatchPtr& batch) noexcept = 0;

  // What came before this moment, this process has not heard.
  virtual SteadyTime began() const noexcept = 0;

  // Whether there is a point in read(): not while the archive is away, nor where the topic was read a
  // moment ago. Thread: any.
  virtual bool may_know(std::string_view topic) noexcept = 0;

  // Puts what it knows of the topics into the exchange (Exchange::fill), and then, or when that takes too
  // long, calls `done` once. Thread: any; `done` is called on the archive's.
  virtual void read(const std::vector<std::string>& topics, std::function<void()> done) = 0;
};

}  // namespace zws
