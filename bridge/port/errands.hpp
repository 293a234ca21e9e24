// Errands: plain HTTP requests, each from its head to its answer. The HttpHandler may answer later and
// from any thread, and asks for a body when it wants one: nothing of a body is taken before.
//
// Thread: its lane only; what the HttpHandler calls may come from any and is posted here.
// Lifetime: of its Server, whose parts it borrows. An errand keeps its connection, as nothing else does
// while it waits; whoever is to answer holds only the errand's number.
// Bound: HttpPlaces, in number and in bytes.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/http.hpp"
#include "port/connection.hpp"
#include "port/server.hpp"

namespace zws {

class Errands {
 public:
  explicit Errands(const Server::Parts& parts) noexcept : parts_(parts) {}

  // The head of a plain request is complete.
  void begin(Connection& its);

  // The connection has ended; whoever is to answer may still do so, and nobody hears it.
  void forget(Connection& its) { errands_.erase(head_of(its).errand()); }

 private:
  class WayBack;
  struct Errand {
    Endpoint::connection_ptr connection;
    std::string method;
    bool wants_continue = false;
    std::string body;  // what has come of it
    std::function<void(std::string)> then;
  };

  void take_body(std::uint64_t number, std::function<void(std::string)> then) noexcept;
  void read_body(std::uint64_t number);
  void answer(std::uint64_t number, HttpResponse response) noexcept;
  static void send(Connection& its, const std::string& method, const HttpResponse& response);
  void give_up(std::uint64_t number) noexcept;

  const Server::Parts& parts_;
  std::unordered_map<std::uint64_t, Errand> errands_;
  std::uint64_t last_ = 0;
  std::array<char, 16'384> incoming_;  // of bodies, between a read and its handler
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace zws
