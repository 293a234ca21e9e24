#include "port/websocket_peer.hpp"

#include "core/http.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

// websocketpp has no answer for a request that never came.
std::string timeout_answer() {
  const std::string body =
      HttpResponse::error(408, "invalid_message", "the request took too long").body;
  return "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

void WebSocketPeer::close(CloseCode code, std::string_view reason) noexcept try {
  websocketpp::lib::error_code fault;
  connection_.close(static_cast<std::uint16_t>(code), std::string(reason), fault);
  if (fault) return abort();
  // What waited may be gone, and with it what kept us from hearing the client's half.
  connection_.continue_reading();
} catch (const std::exception& error) {
  log::error("closing a connection failed: {}", error.what());
  abort();
}

void WebSocketPeer::on_deadline() noexcept try {
  connection_.outbox().write(timeout_answer());
  connection_.terminate(
      websocketpp::error::make_error_code(websocketpp::error::open_handshake_timeout));
} catch (const std::exception& error) {
  log::error("refusing a slow request failed: {}", error.what());
  abort();
}

void WebSocketPeer::terminate() noexcept try {
  connection_.terminate(websocketpp::error::make_error_code(websocketpp::error::general));
} catch (const std::exception& error) {
  log::error("ending a connection failed: {}", error.what());
}

}  // namespace zws
