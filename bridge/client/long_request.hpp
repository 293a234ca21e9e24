// LongRequest: a subscribe, unsubscribe or fetch that is being answered. One message may name thousands
// of topics, so it is answered in slices with other work of the lane between them, and no faster than
// its client takes the answers. A slice is prepared, looks at the exchange, and then waits for its place
// among what the lane still has to deliver (Batch::reached): what was there at the look comes before the
// answer, and nothing that came later does.
//
// Thread: its lane only. Lifetime: owned by its session; gone when all is answered or the session has
// left, but for Slices::give_up() before. Bounds: what limits.message_bytes lets a message name,
// and what was read with it: while there is one nothing more is read; and limits.queue_bytes of events
// that wait with a slice.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/client_protocol.hpp"
#include "client/wheel.hpp"
#include "core/pattern.hpp"
#include "core/position.hpp"
#include "exchange/history.hpp"
#include "exchange/source_table.hpp"

namespace zws {

class Session;

// What is to be said of one topic of a request, once its place is reached.
struct Answer {
  // What it counts in the client's queue, at most, without its events. `id`: the request's.
  std::size_t queued_bytes(const std::string& id) const noexcept;

  std::string topic;
  Refusal fault;  // or else:

  // Known before the look.
  std::optional<Pattern> pattern;  // what is granted of the topic
  std::vector<Position> since;     // of a topic
  NamedTopics named;  // of a pattern: those of the request's `since` that begin like it
  std::size_t caught_up =
      0;                   // so many of these, the first, name nothing that is still to come here
  bool resumable = false;  // there is a `since`, and looks enough to go by it
  bool counted = false;    // as one more subscription of the session
  bool covered = false;    // the client receives it already
  bool past_asked =
      false;  // whether the archive knows of it has been asked for, where that may matter

  // Found at the look.
  bool expected = false;  // by the Router: the pattern
  std::vector<KnownSource> sources;
  std::vector<Position> at;
  std::vector<EventPtr> events;  // that were missed, or asked for
  bool recovered = false;
  bool complete = false;  // of a fetch
};

// Has a request looked at again when its time has come.
class LookAgain final : public Wheel::Timer {
 public:
  void on_timer(SteadyTime) noexcept override { look(); }

  std::function<void()> look;  // throws nothing
};

struct LongRequest {
  // `looks`: how many names of topics it may have looked at (limits.request_looks).
  LongRequest(Session& of, Request asked, std::size_t looks);

  // Tells the client what is wrong with the topic of `answer`.
  void refuse(const Answer& answer);

  bool done() const noexcept { return next == request.topics.size() && prepared.empty(); }

  Session& session;
  const Request request;
  const std::size_t request_bytes;  // that it takes, about: several times those of the message
  std::size_t next = 0;             // of request.topics, to be prepared
  std::size_t looks_left;
  std::vector<Answer> prepared;   // those that wait for a look
  std::vector<std::string> past;  // topics of which the archive has to be asked before that
  std::vector<Answer> slice;      // those that wait for their place
  LookAgain again;
  std::uint64_t looked_at = 0;        // the newest arrival when these were looked at
  bool refused = false;               // a topic was
  bool counted = false;               // ... and that it was an error has been noted
  bool due = true;                    // it goes on by itself; else it waits for room
  std::vector<std::string> messages;  // read with it; what the client says waits
};

// That the client may not hear this, and why: in the words of its token and the configuration.
Refusal forbidden(const Session& session, const std::string& topic);

}  // namespace zws
