#include "port/handshake_line.hpp"

#include <asio/post.hpp>
#include <utility>

namespace zws {

void HandshakeLine::add(std::function<void()> step) {
  waiting_.push_back(std::move(step));
  if (!due_) go_on_soon();
}

void HandshakeLine::go_on_soon() {
  asio::post(loop_, [this, alive = std::weak_ptr<const char>(alive_)] {
    if (!alive.expired()) go_on();
  });
  due_ = true;
}

void HandshakeLine::go_on() {
  const SteadyTime end = clock_.steady() + share;
  do {
    const auto step = std::move(waiting_.front());
    waiting_.pop_front();
    step();
  } while (!waiting_.empty() && clock_.steady() < end);
  due_ = false;
  if (!waiting_.empty()) go_on_soon();
}

}  // namespace zws
