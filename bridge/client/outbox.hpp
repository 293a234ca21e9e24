// Outbox, the send path and backpressure of one client: everything that goes to it passes here, in one
// order, so that no frame splits another: event bundles straight from the router, answers, and websocketpp's control frames.
//
// What the socket takes at once never waits and is never copied. The rest waits in a Backlog under the
// limits of docs/DELIVERY.md; while it does, the outbox asks its owner for a word when the socket
// takes bytes again.
//
// Thread: its lane only. Lifetime: the owner outlives it and owns the descriptor.
// Cost of deliver(): one send() per turn; no allocation, no lock, one cache line of the client.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/backlog.hpp"
#include "client/wire.hpp"
#include "core/clock.hpp"
#include "core/event.hpp"
#include "core/recent_rate.hpp"
#include "metrics/metrics.hpp"
#include "routing/subscriber.hpp"

namespace zws {

class Outbox final : public Subscriber {
 public:
  class Owner {
   public:
    // The socket is full: call flush() when it takes bytes again.
    virtual void on_blocked() noexcept = 0;
    // Everything has left.
    virtual void on_drained() noexcept = 0;
    // The socket is broken; nothing more is written. The owner must not destroy the outbox from here.
    virtual void on_broken() noexcept = 0;
    // An event of `topic` was dropped, as the queue is full; a gap will tell the client. The owner must
    // not destroy the outbox from here.
    virtual void on_loss(std::string_view topic) noexcept = 0;
    // A route's overflow (or too many markers) wants this client closed with 4410. As
    // above.
    virtual void on_overflow() noexcept = 0;
    // Events were replaced on very many topics: take_replaced(), before they are too many. Never from
    // inside deliver().
    virtual void on_replaced() noexcept {}

   protected:
    ~Owner() = default;
  };

  Outbox(Owner& owner, LaneMetrics& metrics, std::size_t queue_bytes);
  ~Outbox() override;

  void open(Wire* wire) noexcept { wire_ = wire; }
  void set_limit(std::size_t queue_bytes) noexcept;

  void deliver(const Bundle& bundle) noexcept override;

  // A whole frame (or handshake bytes) of our own. Never dropped.
  void write(std::string_view frame, bool pong = false) noexcept;

  // Events for this client alone: a replay.
  void replay(const std::vector<EventPtr>& events) noexcept;

  // Between cork() and uncork() small writes are collected and leave in few system calls.
  void cork() noexcept { corked_ = true; }
  void uncork() noexcept;

  void flush() noexcept;

  // Throws away what waits, but for the rest of a frame that is half out. Dropped events are counted
  // as `reason`.
  void discard(DropReason reason) noexcept;
  // The same, but our own words stay: the upgrade's answer, and why the client has to go.
  void discard_events(DropReason reason) noexcept;

  // A close frame follows: events are no longer taken, our own frames still are.
  void refuse_events() noexcept { refusing_ = true; }

  // From now on nothing is taken or written.
  void shut() noexcept;

  bool waiting() const noexcept { return lag_ != nullptr || head_ != nullptr || held() != 0; }
  std::size_t queued_bytes() const noexcept;
  bool at_bound() const noexcept { return queued_bytes() >= limit_; }

  // When the client last took a byte, if its queue has been at the bound since; else nothing.
  bool stalled_since(SteadyTime& since) const noexcept;

  std::uint64_t delivered() const noexcept { return delivered_; }
  std::uint64_t dropped() const noexcept { return dropped_; }
  // Events delivered a second, by when they came to the bridge.
  double rate(SteadyTime now) const noexcept { return rate_.per_second(now); }
  Backlog::Replaced take_replaced();

 private:
  struct Lag {
    explicit Lag(std::size_t queue_bytes)
        : backlog(queue_bytes), last_progress(std::chrono::steady_clock::now()) {}
    Backlog backlog;
    SteadyTime last_progress;
    bool bound_reached = false;
  };

  void queue(const EventPtr& event) noexcept;
  void keep_rest(const Bundle& bundle, std::size_t written);
  void block() noexcept;
  std::size_t held() const noexcept { return wire_ != nullptr ? wire_->held() : 0; }
  // What is on its way ahead of the backlog.
  std::size_t ahead() const noexcept {
    return held() + (head_ ? head_->frame().size() - head_offset_ : 0);
  }
  void note_progress() noexcept;
  void keep_replaced();
  bool write_held();
  bool write_head();
  bool write_some();
  void account() noexcept;

  Owner& owner_;
  Wire* wire_ = nullptr;
  std::unique_ptr<Lag> lag_;  // only while the client lags, or corked
  LaneMetrics& metrics_;
  bool corked_ = false;
  bool refusing_ = false;
  bool flushing_ = false;
  EventPtr head_;  // half written: its rest goes first
  std::size_t head_offset_ = 0;
  std::size_t limit_;
  std::size_t accounted_ = 0;  // what metrics_.queue_bytes holds for this client
  std::uint64_t delivered_ = 0;
  RecentRate rate_;
  std::uint64_t dropped_ = 0;
  Backlog::Replaced replaced_;  // by topic; a few thousand at most
};

}  // namespace zws
