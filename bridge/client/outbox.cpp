#include "client/outbox.hpp"

#include <array>
#include <new>

#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::size_t pieces_max = 64;
constexpr std::size_t corked_bytes_max = 65'536;
constexpr std::size_t replaced_topics_max = 1024;

Counter& counter(LaneMetrics& metrics, DropReason reason) {
  return metrics.dropped[static_cast<std::size_t>(reason)];
}

}  // namespace

Outbox::Outbox(Owner& owner, LaneMetrics& metrics, std::size_t queue_bytes)
    : owner_(owner), metrics_(metrics), limit_(queue_bytes) {}

Outbox::~Outbox() {
  shut();
  metrics_.queue_bytes.sub(accounted_);
}

void Outbox::set_limit(std::size_t queue_bytes) noexcept {
  limit_ = queue_bytes;
  if (lag_) lag_->backlog.set_limit(queue_bytes);
}

void Outbox::deliver(const Bundle& bundle) noexcept {
  if (wire_ == nullptr || refusing_) {
    dropped_ += bundle.messages();
    return counter(metrics_, DropReason::disconnected).add(bundle.messages());
  }
  if (lag_ == nullptr && head_ == nullptr) {
    const ssize_t written = wire_->write(bundle.bytes);
    if (written == static_cast<ssize_t>(bundle.bytes.size())) {
      delivered_ += bundle.messages();
      rate_.note(bundle[0]->received(), bundle.messages());
      metrics_.deliveries.add(bundle.messages());
      metrics_.delivered_bytes.add(bundle.bytes.size() - bundle.marker_bytes);
      if (wire_->held() == 0) return;
      block();
      return account();
    }
    if (written == Wire::broken) {
      dropped_ += bundle.messages();
      counter(metrics_, DropReason::disconnected).add(bundle.messages());
      shut();
      owner_.on_broken();
      return;
    }
    keep_rest(bundle, written > 0 ? static_cast<std::size_t>(written) : 0);
  } else {
    for (std::size_t i = 0; i < bundle.count; ++i) queue(bundle[i]);
  }
  account();
}

void Outbox::keep_rest(const Bundle& bundle, std::size_t written) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < bundle.count; ++i) {
    const std::size_t begin = end;
    end += bundle[i]->frame().size();
    if (end <= written) {
      if (bundle[i]->is_marker()) continue;
      ++delivered_;
      rate_.note(bundle[i]->received());
      metrics_.deliveries.add();
      metrics_.delivered_bytes.add(end - begin);
    } else if (begin < written) {
      head_ = bundle[i];
      head_offset_ = written - begin;
    } else {
      queue(bundle[i]);
    }
  }
  block();
}

// Every event is delivered, dropped or replaced in the end, and counted so. A marker is none: it tells
// of them.
void Outbox::queue(const EventPtr& event) noexcept {
  const std::size_t arriving = event->is_marker() ? 0 : 1;
  if (refusing_) {  // an event before it, of the same bundle, had the client closed
    dropped_ += arriving;
    return counter(metrics_, DropReason::slow_consumer).add(arriving);
  }
  std::size_t victims = 0;
  const std::size_t waited = lag_ ? lag_->backlog.events() : 0;
  Backlog::Pushed pushed = Backlog::Pushed::queued;
  try {
    if (!lag_) lag_ = std::make_unique<Lag>(limit_);
    pushed = lag_->backlog.push(event, ahead(), victims);
  } catch (const std::bad_alloc&) {
    // What waits may be half done, so all of it goes with the client.
    dropped_ += waited + arriving;
    counter(metrics_, DropReason::disconnected).add(waited + arriving);
    lag_.reset();
    refusing_ = true;
    shut();
    return owner_.on_broken();
  }
  if (pushed == Backlog::Pushed::dropped) ++victims;
  const bool told = victims != 0;
  if (pushed == Backlog::Pushed::closing) victims += arriving;
  metrics_.replaced.add(waited + arriving - lag_->backlog.events() - victims);
  dropped_ += victims;
  counter(metrics_, DropReason::slow_consumer).add(victims);
  if (told) {
    lag_->bound_reached = true;
    owner_.on_loss(lag_->backlog.dropped_topic());
  }
  if (pushed == Backlog::Pushed::closing) {
    refusing_ = true;
    discard(DropReason::slow_consumer);
    owner_.on_overflow();
  }
}

// Whoever there is no memory for cannot be told, and ends.
void Outbox::write(std::string_view frame, bool pong) noexcept try {
  if (wire_ == nullptr) return;
  if (lag_ == nullptr && head_ == nullptr && !corked_) {
    const ssize_t written = wire_->write(frame);
    if (written == static_cast<ssize_t>(frame.size())) {
      if (wire_->held() == 0) return;
      block();
      return account();
    }
    if (written == Wire::broken) {
      shut();
      owner_.on_broken();
      return;
    }
    head_ = Event::make(Event::Fields{}, std::vector<std::string_view>{frame});
    head_offset_ = written > 0 ? static_cast<std::size_t>(written) : 0;
    block();
  } else {
    if (!lag_) lag_ = std::make_unique<Lag>(limit_);
    // Before uncork() what waits is our own, and the answer to the upgrade comes first.
    lag_->backlog.push_own(std::string(frame), pong && !corked_);
    if (corked_ && head_ == nullptr && lag_->backlog.bytes() > corked_bytes_max) flush();
  }
  account();
} catch (const std::bad_alloc&) {
  shut();
  owner_.on_broken();
}

void Outbox::replay(const std::vector<EventPtr>& events) noexcept {
  for (const EventPtr& event : events) {
    if (wire_ == nullptr || refusing_)
      return;  // a replay is an answer: what is not begun is not lost
    queue(event);
    if (lag_ && head_ == nullptr && lag_->backlog.bytes() > corked_bytes_max) flush();
  }
  if (!corked_ && head_ == nullptr) flush();
  account();
}

void Outbox::uncork() noexcept {
  corked_ = false;
  if (head_ == nullptr) flush();
}

void Outbox::block() noexcept try {
  if (wire_ == nullptr) return;
  if (!lag_) lag_ = std::make_unique<Lag>(limit_);
  owner_.on_blocked();
} catch (const std::bad_alloc&) {
  shut();
  owner_.on_broken();
}

void Outbox::flush() noexcept try {
  if (wire_ == nullptr || flushing_) return;
  flushing_ = true;
  const bool waited = waiting();
  bool more = true;
  while (more && wire_ != nullptr && waiting())
    more = held() != 0 ? write_held() : head_ ? write_head() : write_some();
  flushing_ = false;
  if (wire_ == nullptr) return;
  account();
  const std::size_t topics = replaced_.size() + (lag_ ? lag_->backlog.replaced_topics() : 0);
  if (topics > replaced_topics_max) owner_.on_replaced();
  if (waiting()) {
    owner_.on_blocked();
  } else if (waited) {
    owner_.on_drained();
  }
} catch (const std::bad_alloc&) {
  flushing_ = false;
  shut();
  owner_.on_broken();
}

void Outbox::note_progress() noexcept {
  if (!lag_) return;
  lag_->last_progress = std::chrono::steady_clock::now();
  lag_->bound_reached = false;
}

bool Outbox::write_held() {
  const ssize_t left = wire_->flush();
  if (left == Wire::broken) {
    shut();
    owner_.on_broken();
    return false;
  }
  if (left <= 0) return false;
  note_progress();
  return true;
}

bool Outbox::write_head() {
  const std::string_view rest = head_->frame().substr(head_offset_);
  const ssize_t written = wire_->write(rest);
  if (written == Wire::broken) {
    shut();
    owner_.on_broken();
    return false;
  }
  if (written <= 0) return false;
  note_progress();
  if (static_cast<std::size_t>(written) < rest.size()) {
    head_offset_ += static_cast<std::size_t>(written);
    return true;
  }
  if (!head_->topic().empty() && !head_->is_marker()) {
    ++delivered_;
    rate_.note(head_->received());
    metrics_.deliveries.add();
    metrics_.delivered_bytes.add(head_->frame().size());
  }
  head_ = nullptr;
  return true;
}

// Writes what waits, many frames a call; frees the backlog when it is empty.
bool Outbox::write_some() {
  Backlog& backlog = lag_->backlog;
  if (backlog.empty()) {
    keep_replaced();
    lag_.reset();
    return false;
  }
  std::array<std::string_view, pieces_max> frames;
  std::array<iovec, pieces_max> pieces;
  const std::size_t count = backlog.peek(frames.data(), pieces_max);
  for (std::size_t i = 0; i < count; ++i)
    pieces[i] = {const_cast<char*>(frames[i].data()), frames[i].size()};
  const ssize_t result = wire_->write(pieces.data(), count);
  if (result == Wire::broken) {
    shut();
    owner_.on_broken();
    return false;
  }
  if (result <= 0) return false;
  note_progress();
  auto written = static_cast<std::size_t>(result);
  while (written > 0) {
    EventPtr event = backlog.pop();
    const std::size_t size = event->frame().size();
    if (written < size) {
      head_ = std::move(event);
      head_offset_ = written;
      return true;
    }
    written -= size;
    if (event->topic().empty() || event->is_marker()) continue;
    ++delivered_;
    rate_.note(event->received());
    metrics_.deliveries.add();
    metrics_.delivered_bytes.add(size);
  }
  return true;
}

void Outbox::discard(DropReason reason) noexcept {
  if (!lag_) return;
  const std::size_t lost = lag_->backlog.events();
  dropped_ += lost;
  counter(metrics_, reason).add(lost);
  keep_replaced();
  lag_.reset();
  account();
}

void Outbox::discard_events(DropReason reason) noexcept {
  if (!lag_) return;
  const std::size_t lost = lag_->backlog.drop_events();
  dropped_ += lost;
  counter(metrics_, reason).add(lost);
  account();
}

// A topic has one count, however often it was in the backlog and left it.
void Outbox::keep_replaced() {
  for (const auto& [topic, count] : lag_->backlog.take_replaced()) replaced_[topic] += count;
}

void Outbox::shut() noexcept {
  wire_ = nullptr;
  discard(DropReason::disconnected);
  if (head_ && !head_->topic().empty() && !head_->is_marker()) {
    ++dropped_;
    counter(metrics_, DropReason::disconnected).add();
  }
  head_ = nullptr;
  account();
}

std::size_t Outbox::queued_bytes() const noexcept {
  return (lag_ ? lag_->backlog.bytes() : 0) + ahead();
}

bool Outbox::stalled_since(SteadyTime& since) const noexcept {
  if (!lag_ || !(lag_->bound_reached || at_bound())) return false;
  since = lag_->last_progress;
  return true;
}

Backlog::Replaced Outbox::take_replaced() {
  if (lag_) keep_replaced();
  return std::exchange(replaced_, {});
}

void Outbox::account() noexcept {
  const std::size_t now = queued_bytes();
  if (now == accounted_) return;
  metrics_.queue_bytes.add(now - accounted_);  // wraps as intended when it falls
  accounted_ = now;
}

}  // namespace zws
