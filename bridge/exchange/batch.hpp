// Batch: what one drain brought of what a lane listens to, on its way from the exchange to that lane.
//
// Thread: immutable once posted. Lanes that want the same of a drain share it, so a lane that keeps
// nothing touches no reference count but the batch's own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/event.hpp"

namespace zws {

// Counts how many connections an administrator's event reached; `done` gets the sum when the last
// lane has delivered it, on that lane's thread.
class Receipt {
 public:
  Receipt(std::size_t lanes, std::function<void(std::size_t)> done)
      : lanes_left_(lanes), done_(std::move(done)) {}

  // Once by each lane. Thread: any.
  void add(std::size_t recipients) {
    recipients_.fetch_add(recipients, std::memory_order_relaxed);
    if (lanes_left_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_(recipients_.load());
  }

 private:
  std::atomic<std::size_t> lanes_left_;
  std::atomic<std::size_t> recipients_{0};
  std::function<void(std::size_t)> done_;
};

struct Batch {
  std::vector<EventPtr> events;
  std::size_t frame_bytes = 0;       // of the events
  std::size_t queued_bytes = 0;      // what they count where they wait
  std::shared_ptr<Receipt> receipt;  // null for what producers sent
  // A place in the order and no events: called on the lane when all that was posted before it has been
  // delivered, and nothing that was posted later. `events` then holds one without a frame, which keeps
  // the place.
  std::function<void()> reached;

  void add(EventPtr event) {
    events.push_back(std::move(event));
    frame_bytes += events.back()->frame().size();
    queued_bytes += events.back()->queued_bytes();
  }

  bool is_turn_of_its_own() const noexcept { return receipt != nullptr || reached != nullptr; }
};

using BatchPtr = std::shared_ptr<const Batch>;

// A lane, seen from the exchange.
class BatchSink {
 public:
  virtual ~BatchSink() = default;

  // Thread: any, one at a time, so that all lanes see one order. Never blocks on a client.
  virtual void post(BatchPtr batch) noexcept = 0;
};

}  // namespace zws
