// WebSocketPeer: websocketpp's connection, as its transport and its session see it.
//
// Thread: its lane only. Lifetime: owned by the connection that it stands for.
#pragma once

#include "port/connection.hpp"

namespace zws {

class WebSocketPeer final : public Peer {
 public:
  explicit WebSocketPeer(Connection& connection) : connection_(connection) {}

  Outbox& outbox() noexcept override { return connection_.outbox(); }
  bool deaf() const noexcept override { return connection_.deaf(); }
  void go_on_reading() noexcept override { connection_.continue_reading(); }
  void limit_messages(std::size_t bytes) noexcept override {
    connection_.set_max_message_size(bytes);
  }
  void close(CloseCode code, std::string_view reason) noexcept override;
  void abort() noexcept override { connection_.abort(); }
  void on_deadline() noexcept override;
  void terminate() noexcept override;

 private:
  Connection& connection_;
};

}  // namespace zws
