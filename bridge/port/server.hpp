// Server: the port of one lane. It speaks HTTP and the WebSocket handshake through websocketpp, turns
// an accepted socket into a Session, and hands everything else to the HttpHandler.
//
// Thread: its lane only, but for the reply of an HttpHandler. Lifetime: owns its connections, which
// end in stop() at the latest; the loop outlives it.
// Exceptions: none leave; a handler that throws ends its own connection.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/access.hpp"
#include "client/admission.hpp"
#include "core/http.hpp"
#include "port/http_places.hpp"
#include "port/tls.hpp"
#include "port/transport.hpp"

namespace zws {

// What a request brings that the session needs after the upgrade.
struct Upgrade {
  std::string address;  // after trusted proxies
  std::string token;    // empty: none came
  bool full_for_address = false;
};

class Server {
 public:
  struct Parts {
    TransportContext transport;
    std::shared_ptr<const Access> access;  // replaced on reload
    TlsPtr tls;                            // likewise; null: the port is plain
    Admission* admission = nullptr;        // null: everyone is let in (conformance)
    // Whether a token may come from an address that failed too often; those without one always may.
    std::function<bool(std::string_view)> token_passes = [](std::string_view) { return true; };
    HttpHandler* http = nullptr;                         // null: only upgrades are answered
    HttpPlaces* places = nullptr;                        // null: plain requests are not counted
    std::function<void(Session&, Upgrade)> on_upgraded;  // the session may open itself
    std::function<void(Session&)> on_gone;               // last call for a session that upgraded
    std::function<bool()> draining = [] { return false; };
  };

  explicit Server(Parts parts);
  ~Server();

  // Takes over an accepted, non-blocking socket, also where it throws.
  void take(int descriptor, std::string address, bool local = false);

  // Ends all connections at once: on_gone is called for each session that is left. The destructor does
  // the same, when the loop no longer runs.
  void stop() noexcept;

  void reload(ConfigPtr config, std::shared_ptr<const Access> access, TlsPtr tls);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zws
