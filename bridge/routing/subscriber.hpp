// Subscriber: someone a lane's events are offered to. Bundle: what one turn brings to one of them.
//
// Thread: its lane only.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/event.hpp"

namespace zws {

class Audience;

// All events of one turn for the subscribers that want exactly these, encoded as one run of frames.
// Borrowed: valid until deliver() returns.
struct Bundle {
  const EventPtr* const* events = nullptr;  // `count` of them, in order
  std::size_t count = 0;
  std::string_view bytes;  // their frames, joined
  // Markers among them, which tell of events and sources and are no events: no sum counts them.
  std::size_t markers = 0;
  std::size_t marker_bytes = 0;

  std::size_t messages() const noexcept { return count - markers; }

  const EventPtr& operator[](std::size_t i) const noexcept { return *events[i]; }
};

class Subscriber {
 public:
  Subscriber() = default;
  // A seat that stayed would be offered events in whatever lies there next.
  virtual ~Subscriber() { assert(memberships_.empty()); }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // Takes the turn's events. Never blocks; must not subscribe or leave from inside.
  virtual void deliver(const Bundle& bundle) noexcept = 0;

  std::size_t subscriptions() const noexcept { return memberships_.size(); }

 private:
  friend class Audience;
  friend class Router;

  // A seat in an audience, known from both ends so that leaving costs O(1) there.
  struct Membership {
    Audience* audience;
    std::uint64_t since;  // what arrived later than this it has had, or will (Event::arrival)
    std::uint32_t seat;
    bool implicit;           // @all and @user/<id>: had without asking
    bool asked;              // the client subscribed to it by name
    bool sources = false;    // and asked to be told of sources
    bool recovered = false;  // what it had missed before `since` it was sent
  };

  std::uint32_t group_ = 0;  // the Router's note during a turn
  std::vector<Membership> memberships_;
};

}  // namespace zws
