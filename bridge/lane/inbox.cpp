#include "lane/inbox.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

namespace zws {
namespace {

// What one turn joins at most. The same as one drain of the source, so that a turn's bundle fits the
// socket's buffer.
constexpr std::size_t turn_events_max = 256;
constexpr std::size_t turn_bytes_max = 65'536;

// What a batch takes that waits, besides its events: the object with its counts, and the block of its list.
constexpr std::size_t batch_bytes = sizeof(Batch) + 48;

std::size_t queued_bytes(const Batch& batch) noexcept { return batch_bytes + batch.queued_bytes; }

// Of them, gaps and the like apart.
std::uint64_t numbered(const std::vector<EventPtr>& events) noexcept {
  return static_cast<std::uint64_t>(std::count_if(
      events.begin(), events.end(), [](const EventPtr& event) { return !event->is_marker(); }));
}

// So many times what comes goes over, in events and in bytes: what is half of the bound has gone over well
// before as much again has come.
constexpr std::size_t over = 3;

}  // namespace

Inbox::Inbox(std::size_t lane_bytes, LaneMetrics& metrics)
    : limit_(lane_bytes), metrics_(metrics) {}

bool Inbox::push(BatchPtr batch) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool idle = batches_.empty() && !overload_ && !lost_;
  const std::size_t events = batch->events.size();
  const std::size_t bytes = queued_bytes(*batch);
  const bool overloads =
      bytes_ + bytes > limit_ / 2 && !batches_.empty() && !batch->is_turn_of_its_own();
  try {
    batches_.push_back(batch);
    bytes_ += bytes;
    if (!overload_ && overloads) {
      overload_ = std::make_unique<Backlog>(limit_);
      sums_ = {};
    }
  } catch (const std::bad_alloc&) {
    // Where it is in, the overload begins with the next.
    if (batches_.empty() || batches_.back() != batch) note_lost(numbered(batch->events));
  }
  batch.reset();
  if (overload_) go_over(over * events, over * bytes);
  return idle;
}

// Hands the oldest batches over to the Backlog: so many events and bytes at least, and all of them if more
// waits than may.
void Inbox::go_over(std::size_t events, std::size_t bytes) noexcept {
  std::size_t events_gone = 0;
  std::size_t bytes_gone = 0;
  while (first_ < batches_.size() && overload_ &&
         (events_gone <= events || bytes_gone < bytes || bytes_ + overload_->bytes() > limit_)) {
    const BatchPtr batch = std::move(batches_[first_++]);
    bytes_ -= queued_bytes(*batch);
    events_gone += batch->events.size();
    bytes_gone += queued_bytes(*batch);
    const std::uint64_t offered = sums_.offered;
    try {
      keep(batch);
    } catch (const std::bad_alloc&) {
      give_up_overload(numbered(batch->events) - (sums_.offered - offered));
    }
  }
  let_go_of_taken();
}

void Inbox::keep(const BatchPtr& batch) {
  if (!batch->is_turn_of_its_own()) {
    for (const EventPtr& event : batch->events) keep(event);
    return;
  }
  kept_.push_back(batch);
  if (batch->reached) return overload_->push_place(batch->events.front());
  // An administrator's own call is small, and its receipt must come back.
  for (const EventPtr& event : batch->events) {
    overload_->push_kept(event);
    if (!event->is_marker()) ++sums_.offered;
  }
}

void Inbox::keep(const EventPtr& event) {
  std::size_t victims = 0;
  const std::size_t arriving = event->is_marker() ? 0 : 1;
  const std::size_t waited = overload_->events();
  switch (overload_->push(event, 0, victims, Backlog::Full::drop_arriving)) {
    case Backlog::Pushed::untold: untold_ = true; [[fallthrough]];
    case Backlog::Pushed::dropped: victims += arriving; break;
    case Backlog::Pushed::closing:  // not with drop_arriving
    case Backlog::Pushed::replaced:
    case Backlog::Pushed::queued: break;
  }
  // An event may take the place of another and have to go in the end all the same.
  const std::size_t replaced = waited + arriving - overload_->events() - victims;
  sums_.offered += arriving;
  sums_.dropped += victims;
  sums_.replaced += replaced;
  replaced_ += replaced;
  metrics_.dropped[static_cast<std::size_t>(DropReason::lane_overload)].add(victims);
}

Inbox::Turn Inbox::take() {
  std::unique_ptr<Backlog> ended;  // it is large, and nobody waits for its end
  const std::lock_guard<std::mutex> lock(mutex_);
  if (replaced_ != 0) metrics_.replaced.add(std::exchange(replaced_, 0));
  Turn turn = overload_ ? take_from_overload() : take_from_batches();
  if (overload_ && overload_->empty() && kept_.empty()) ended = end_overload();
  turn.more = overload_ != nullptr || !batches_.empty();
  turn.untold = std::exchange(lost_, false) || turn.untold;
  return turn;
}

Inbox::Turn Inbox::take_from_batches() {
  Turn turn;
  if (batches_.empty()) return turn;

  std::size_t events = 0;
  std::size_t bytes = 0;
  std::size_t waited = 0;
  std::size_t end = first_;
  while (end < batches_.size()) {
    const Batch& next = *batches_[end];
    if (end > first_ &&
        (next.is_turn_of_its_own() || events + next.events.size() > turn_events_max ||
         bytes + next.frame_bytes > turn_bytes_max))
      break;
    events += next.events.size();
    bytes += next.frame_bytes;
    waited += queued_bytes(next);
    ++end;
    if (next.is_turn_of_its_own()) break;
  }
  if (end == first_ + 1) {
    turn.batch = std::move(batches_[first_]);
  } else {
    turn.events.reserve(events);  // or all stays as it is
    for (std::size_t i = first_; i < end; ++i) {
      turn.events.insert(turn.events.end(), batches_[i]->events.begin(), batches_[i]->events.end());
    }
  }
  bytes_ -= waited;
  first_ = end;
  let_go_of_taken();
  return turn;
}

void Inbox::let_go_of_taken() {
  if (first_ == batches_.size()) {
    batches_.clear();
    first_ = 0;
  } else if (first_ > 1024) {
    batches_.erase(batches_.begin(), batches_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

Inbox::Turn Inbox::take_from_overload() {
  Turn turn;
  if (kept_batch_is_next()) {
    turn.batch = take_kept_batch();
  } else {
    pop_some(turn);
  }
  turn.untold = untold_;
  return turn;
}

void Inbox::pop_some(Turn& turn) try {
  std::size_t bytes = 0;
  while (!overload_->empty() && turn.events.size() < turn_events_max && bytes < turn_bytes_max &&
         !kept_batch_is_next()) {
    turn.events.emplace_back();  // first: what is popped has its place
    turn.events.back() = overload_->pop();
    note_handed_on(*turn.events.back());
    bytes += turn.events.back()->frame().size();
  }
} catch (const std::bad_alloc&) {
  if (!turn.events.empty() && turn.events.back() == nullptr) turn.events.pop_back();
  give_up_overload(0);
}

void Inbox::note_lost(std::uint64_t events) noexcept {
  metrics_.dropped[static_cast<std::size_t>(DropReason::lane_overload)].add(events);
  lost_ = true;
}

// What waits in it is lost, and `more`: it may be half done.
void Inbox::give_up_overload(std::uint64_t more) noexcept {
  note_lost(sums_.offered + more - sums_.handed_on - sums_.dropped - sums_.replaced);
  overload_.reset();
  kept_.clear();
  untold_ = false;
}

std::unique_ptr<Backlog> Inbox::end_overload() noexcept {
  assert(sums_.offered == sums_.handed_on + sums_.dropped + sums_.replaced);
  untold_ = false;
  return std::move(overload_);
}

// A batch without events has no place in the queue; only its receipt is waited for.
bool Inbox::kept_batch_is_next() const noexcept {
  if (kept_.empty()) return false;
  const Batch& next = *kept_.front();
  return next.events.empty() || overload_->front() == next.events.front().get();
}

BatchPtr Inbox::take_kept_batch() {
  BatchPtr batch = std::move(kept_.front());
  kept_.pop_front();
  for (std::size_t left = batch->events.size(); left > 0; --left) {
    const EventPtr event = overload_->pop();
    if (!batch->reached) note_handed_on(*event);
  }
  return batch;
}

void Inbox::note_handed_on(const Event& event) noexcept {
  if (!event.is_marker()) ++sums_.handed_on;
}

void Inbox::set_limit(std::size_t lane_bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  limit_ = lane_bytes;
}

std::size_t Inbox::bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return bytes_ + (overload_ ? overload_->bytes() : 0);
}

}  // namespace zws
