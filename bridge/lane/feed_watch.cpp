#include "lane/feed_watch.hpp"

#include <fcntl.h>

namespace zws {
namespace {

// A few milliseconds' worth, so that clients and timers get their share in a flood too.
constexpr int drains_max = 16;

}  // namespace

FeedWatch::FeedWatch(asio::io_context& loop, Feed& feed, std::function<void()> on_ready)
    : feed_(feed),
      on_ready_(std::move(on_ready)),
      most_{Descriptor(loop)},
      seldom_{Descriptor(loop)} {
  open();
}

// Duplicates, because the feed closes its own when it likes.
void FeedWatch::open() {
  most_.descriptor.assign(::fcntl(feed_.descriptor(), F_DUPFD_CLOEXEC, 0));
  const int seldom = feed_.seldom_descriptor();
  if (seldom >= 0) seldom_.descriptor.assign(::fcntl(seldom, F_DUPFD_CLOEXEC, 0));
}

void FeedWatch::close() noexcept {
  ++opened_;
  for (Watched* const watched : {&most_, &seldom_}) {
    watched->waiting = false;
    asio::error_code ignored;
    watched->descriptor.close(ignored);
  }
}

void FeedWatch::wait() {
  wait(most_);
  wait(seldom_);
}

void FeedWatch::wait(Watched& watched) {
  if (watched.waiting || !watched.descriptor.is_open()) return;
  watched.waiting = true;
  watched.descriptor.async_wait(Descriptor::wait_read,
                                [this, &watched, opened = opened_](const asio::error_code& error) {
                                  if (error || opened != opened_) return;
                                  watched.waiting = false;
                                  on_ready_();
                                });
}

bool FeedWatch::drain() {
  for (int i = 0; i < drains_max && most_.descriptor.is_open(); ++i) {
    if (!feed_.drain()) return false;
  }
  return most_.descriptor.is_open();
}

void FeedWatch::look() {
  if (!most_.descriptor.is_open() || !feed_.look()) return;
  close();
  open();
}

void FeedWatch::stop() noexcept { close(); }

}  // namespace zws
