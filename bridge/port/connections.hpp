// Connections: the one owner of a lane's connections, each from its adopt() to its drop().
//
// Thread: its lane only. Lifetime: outlives nothing that it holds; whoever ends a lane calls drop_all()
// first, on the lane's thread or when that has ended.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace zws {

class Transport;

class Connections {
 public:
  Connections() = default;
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  void hold(std::shared_ptr<Transport> connection);
  // Never from inside a call of the connection's own: it may die here.
  void release(Transport& connection) noexcept;

  // Ends them all without further words. Each is told as if its peer had gone.
  void drop_all() noexcept;

  std::size_t size() const noexcept { return held_.size(); }

 private:
  std::vector<std::shared_ptr<Transport>> held_;
};

}  // namespace zws
