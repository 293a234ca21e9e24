#include "port/connections.hpp"

#include <cassert>
#include <utility>

#include "port/transport.hpp"

namespace zws {

Connections::Connections(std::function<void(Transport&)> let_go) : let_go_(std::move(let_go)) {}
Connections::~Connections() = default;

void Connections::hold(std::shared_ptr<Transport> connection) {
  held_.push_back(std::move(connection));
  held_.back()->place_ = held_.size() - 1;
}

void Connections::release(Transport& connection) noexcept {
  const std::size_t place = connection.place_;
  assert(place < held_.size() && held_[place].get() == &connection);
  const std::shared_ptr<Transport> its = std::move(held_[place]);  // dies behind the bookkeeping
  its->place_ = Transport::not_held;
  if (place + 1 != held_.size()) {
    held_[place] = std::move(held_.back());
    held_[place]->place_ = place;
  }
  held_.pop_back();
  let_go_(*its);
}

void Connections::drop_all() noexcept {
  const auto all = std::exchange(held_, {});
  for (const auto& connection : all) connection->place_ = Transport::not_held;
  for (const auto& connection : all) {
    connection->end_now();
    let_go_(*connection);
  }
}

}  // namespace zws
