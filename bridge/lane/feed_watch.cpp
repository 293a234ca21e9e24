#include "lane/feed_watch.hpp"

#include <fcntl.h>

namespace zws {
namespace {

// A few milliseconds' worth, so that clients and timers get their share in a flood too.
constexpr int drains_max = 16;

}  // namespace

FeedWatch::FeedWatch(asio::io_context& loop, Feed& feed, std::function<void()> on_ready)
    : feed_(feed), on_ready_(std::move(on_ready)), descriptor_(loop) {
  open();
}

// A duplicate, because the feed closes its own when it likes.
void FeedWatch::open() { descriptor_.assign(::fcntl(feed_.descriptor(), F_DUPFD_CLOEXEC, 0)); }

void FeedWatch::close() noexcept {
  ++opened_;
  waiting_ = false;
  asio::error_code ignored;
  descriptor_.close(ignored);
}

void FeedWatch::wait() {
  if (waiting_ || !descriptor_.is_open()) return;
  waiting_ = true;
  descriptor_.async_wait(Descriptor::wait_read,
                         [this, opened = opened_](const asio::error_code& error) {
                           if (error || opened != opened_) return;
                           waiting_ = false;
                           on_ready_();
                         });
}

bool FeedWatch::drain() {
  for (int i = 0; i < drains_max && descriptor_.is_open(); ++i) {
    if (!feed_.drain()) return false;
  }
  return descriptor_.is_open();
}

void FeedWatch::look() {
  if (!descriptor_.is_open() || !feed_.look()) return;
  close();
  open();
}

void FeedWatch::stop() noexcept { close(); }

}  // namespace zws
