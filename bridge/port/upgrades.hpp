// Upgrades: who asks for a WebSocket, judged by the head of the request. A client that may come in is
// answered 101 by websocketpp, anyone else with a status and a reason of ours.
//
// Between judge(), which lets a client in, and take() it is remembered here what the request brought,
// and that the client has its place in Admission.
//
// Thread: its lane only. Lifetime: of its Server, whose parts it borrows and reads anew each time, as a
// reload changes them.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "core/log.hpp"
#include "port/connection.hpp"
#include "port/server.hpp"

namespace zws {

class Upgrades {
 public:
  explicit Upgrades(const Server::Parts& parts) noexcept : parts_(parts) {}

  // Whether the answer is 101. If not, the refusal is noted in the connection, which will write it.
  bool judge(Connection& its);

  // 101 has been written: what the request brought goes to the session.
  Upgrade take(Connection& its);

  // The connection has ended. If that was before take(), its place is free again.
  void give_up(Connection& its);

 private:
  bool is_in_form(Connection& its, const HttpRequest& request);
  bool is_of_a_known_site(Connection& its, const HttpRequest& request);
  bool let_in(Connection& its, const HttpRequest& request);
  bool refuse(Connection& its, HandshakeResult result, int status, std::string_view code,
              std::string_view message);
  bool refuse_for_now(Connection& its, HandshakeResult result, const char* seconds,
                      std::string_view message);
  void count(HandshakeResult result);

  const Server::Parts& parts_;
  std::unordered_map<const Session*, Upgrade> let_in_;  // judged, and not yet taken
  log::Quiet origin_log_;
  log::Quiet host_log_;
};

}  // namespace zws
