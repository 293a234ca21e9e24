// Inbox, a lane's queue: what waits between the exchange and one lane, bounded in bytes.
//
// What waits is counted with its bookkeeping (Event::queued_bytes, and a fixed sum for each batch).
// While the lane keeps up, batches wait as they are. When more than `lane_bytes` wait, events are kept
// one by one in a Backlog under their routes' overflow, exactly as a slow client's are: the loss is
// counted, and told to the topic's subscribers by a gap at its place. Once such gaps alone are more than
// the bound, further drops are counted but get no gap, and every turn until the overload ends says
// `untold`.
// What waits goes over to the Backlog bit by bit, from half of the bound on: each batch that comes takes
// some older ones with it, so that who posts does not stand still for all of them at once.
// What an administrator published keeps its place among them and never gives way, so that the events of
// a topic come in one order, whoever published; its batch is a turn of its own there, too. So does a
// place (Batch::reached), over which no gap reaches.
// What there is no memory for is dropped and counted, in an overload with all that waits in the Backlog, which may be
// half done; the next turn says `untold`.
// Sums: of the events that come in during an overload, each is handed on, dropped or replaced (asserted).
//
// Thread: push() from any, take() from the lane; one mutex, taken once a batch and once a turn.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "client/backlog.hpp"
#include "exchange/batch.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class Inbox {
 public:
  Inbox(std::size_t lane_bytes, LaneMetrics& metrics);

  // True if the lane must be woken: nothing was waiting.
  bool push(BatchPtr batch) noexcept;

  // One turn's worth. A batch with a receipt is a turn of its own, and so is a place.
  struct Turn {
    std::vector<EventPtr> events;  // when more than one batch was joined
    BatchPtr batch;                // else that batch
    bool more = false;             // something is left
    bool untold = false;           // events are missing, here or further on, that no gap names

    const std::vector<EventPtr>& all() const noexcept { return batch ? batch->events : events; }
  };
  Turn take();

  void set_limit(std::size_t lane_bytes);
  std::size_t bytes() const;

 private:
  void go_over(std::size_t events, std::size_t bytes) noexcept;
  void keep(const BatchPtr& batch);
  void keep(const EventPtr& event);
  Turn take_from_batches();
  Turn take_from_overload();
  void pop_some(Turn& turn);
  void note_lost(std::uint64_t events) noexcept;
  void give_up_overload(std::uint64_t more) noexcept;
  std::unique_ptr<Backlog> end_overload() noexcept;
  void let_go_of_taken();
  bool kept_batch_is_next() const noexcept;
  BatchPtr take_kept_batch();
  void note_handed_on(const Event& event) noexcept;

  // Events, gaps apart, since the overload began.
  struct Sums {
    std::uint64_t offered = 0;
    std::uint64_t handed_on = 0;
    std::uint64_t dropped = 0;
    std::uint64_t replaced = 0;
  };

  mutable std::mutex mutex_;
  std::size_t limit_;
  LaneMetrics& metrics_;
  std::vector<BatchPtr> batches_;
  std::size_t first_ = 0;              // of batches_ not taken yet
  std::size_t bytes_ = 0;              // of these
  std::unique_ptr<Backlog> overload_;  // what came before batches_
  std::deque<BatchPtr> kept_;          // turns of their own, in their order within `overload_`
  Sums sums_;                          // while `overload_`
  bool untold_ = false;                // while `overload_`
  bool lost_ = false;                  // for want of memory, since the last turn
  std::uint64_t replaced_ = 0;         // since the last turn: the lane alone writes that counter
};

}  // namespace zws
