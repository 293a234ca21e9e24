// Feed: a source of events with a descriptor to poll, for a loop that reads ZeroMQ itself.
//
// A lane that is alone drains the producers' socket on its own thread: one thread less to wake for each
// event. With more lanes the source has a thread, and nobody uses this.
//
// Thread: whoever drains; one at a time.
#pragma once

namespace zws {

class Feed {
 public:
  virtual ~Feed() = default;

  // Become readable when something may have come since drain() last said that nothing is left: the first
  // with most of what comes, the other seldom (-1: there is none). Two, as what one descriptor tells of many
  // costs the kernel more each time. Owned by the feed.
  virtual int descriptor() const noexcept = 0;
  virtual int seldom_descriptor() const noexcept { return -1; }

  // Hands on what is there, as much as makes one batch, without waiting. True if there may be more.
  virtual bool drain() noexcept = 0;

  // Looks after producers and memory; to be called ten times a second, and followed by drain().
  // True if one of the descriptors is another from now on.
  virtual bool look() noexcept = 0;
};

}  // namespace zws
