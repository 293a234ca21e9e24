// FeedWatch: polls a Feed on a lane's loop and reads it, where one lane does all. Of its two descriptors only
// that is waited for anew which was ready.
//
// Thread: the lane's. Lifetime: borrows the feed; outlives its pending wait (the loop is destroyed
// first).
#pragma once

#include <cstdint>
#include <functional>

#include "core/feed.hpp"
#include "port/descriptor.hpp"

namespace zws {

class FeedWatch {
 public:
  // `on_ready` is called, on the loop, when there may be something to drain.
  FeedWatch(asio::io_context& loop, Feed& feed, std::function<void()> on_ready);

  // Calls on_ready when something comes, once for each descriptor. Only after drain() has found the end.
  void wait();

  // Takes what is there; true if there may be more. What stays behind is bounded by the producers'
  // high-water mark, beyond which events are lost and nobody can tell; so it is taken out first,
  // ahead of what it costs to deliver.
  bool drain();

  // As Feed::look().
  void look();

  // Touches the feed no more.
  void stop() noexcept;

 private:
  struct Watched {
    Descriptor descriptor;
    bool waiting = false;
  };

  void open();
  void close() noexcept;
  void wait(Watched& watched);

  Feed& feed_;
  std::function<void()> on_ready_;
  Watched most_;
  Watched seldom_;
  std::uint64_t opened_ = 0;  // how often; a wait of another time is not ours any more
};

}  // namespace zws
