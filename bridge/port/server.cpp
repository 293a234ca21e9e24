#include "port/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <websocketpp/common/network.hpp>

#include "core/log.hpp"
#include "port/connections.hpp"
#include "port/errands.hpp"
#include "port/failed_handshakes.hpp"
#include "port/proxied_wire.hpp"
#include "port/upgrades.hpp"
#include "port/websocket_peer.hpp"

namespace zws {
namespace {

// The code that ended it: the client's, unless websocketpp found the fault and sent a code of its own.
// (What a session sends it remembers itself.)
std::uint16_t close_code_of(const Connection& connection) noexcept {
  namespace status = websocketpp::close::status;
  const std::uint16_t sent = connection.get_local_close_code();
  const bool own = sent == status::protocol_error || sent == status::invalid_payload ||
                   sent == status::message_too_big;
  const std::uint16_t heard = connection.get_remote_close_code();
  return own || heard == status::blank ? sent : heard;
}

}  // namespace

struct Server::Impl {
  explicit Impl(Parts given)
      : parts(std::move(given)),
        connections([this](Transport& its) {
          let_go(its.session(), websocketpp::close::status::abnormal_close);
        }),
        upgrades(parts),
        errands(parts),
        failed_handshakes(*parts.transport.rules.metrics) {
    parts.transport.connections = &connections;
    listen_to_websocketpp();
  }

  void listen_to_websocketpp();

  // Runs what websocketpp calls; what it throws ends that connection and nothing else.
  template <typename Work>
  void guarded(const websocketpp::connection_hdl& handle, Work&& work) noexcept {
    try {
      const auto its = endpoint.get_con_from_hdl(handle);
      try {
        work(*its);
      } catch (const std::exception& error) {
        log::error("a connection from {} failed: {}", log::escaped(its->get_remote_endpoint()),
                   error.what());
        its->abort();
      }
    } catch (const std::exception& error) {
      log::error("a connection failed: {}", error.what());
    }
  }

  void on_open(Connection& its);
  void on_message(Connection& its, const Endpoint::message_ptr& message);
  void on_http(Connection& its);
  void on_end(Connection& its);
  void let_go(Session& session, std::uint16_t code) noexcept;

  Parts parts;
  Connections connections;
  Endpoint endpoint;
  Upgrades upgrades;
  Errands errands;
  FailedHandshakes failed_handshakes;
};

Server::Server(Parts parts) {
  // It notes the machine's byte order at its first call, which lanes would make side by side. The first
  // server is made before any lane runs.
  websocketpp::lib::net::_htonll(0);
  impl_ = std::make_unique<Impl>(std::move(parts));
}
Server::~Server() { stop(); }

void Server::stop() noexcept { impl_->connections.drop_all(); }

void Server::reload(ConfigPtr config, std::shared_ptr<const Access> access, TlsPtr tls) {
  impl_->parts.transport.rules.config = std::move(config);
  impl_->parts.access = std::move(access);
  impl_->parts.tls = std::move(tls);
}

void Server::take(int descriptor, std::string address, bool local) {
  OpenDescriptor taken(descriptor);
  const Parts& parts = impl_->parts;
  const Config& config = *parts.transport.rules.config;
  const int unsent = static_cast<int>(config.limits.unsent_bytes);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  impl_->endpoint.set_max_message_size(config.limits.message_bytes);
  const auto made = impl_->endpoint.get_connection();
  if (parts.places != nullptr)
    head_of(*made).set_place(std::make_unique<HttpPlace>(*parts.places, address_key(address)));
  auto wire =
      parts.tls && !local ? parts.tls->wrap(descriptor) : std::make_unique<Wire>(descriptor);
  if (config.server.proxy_protocol)
    wire = std::make_unique<ProxiedWire>(std::move(wire), parts.access->trusted(address));
  auto peer = std::make_unique<WebSocketPeer>(*made);
  taken.release();
  made->adopt(parts.transport, std::move(wire), std::move(peer), std::move(address));
  made->start();
}

// --- what websocketpp calls ----------------------------------------------------------------------

void Server::Impl::listen_to_websocketpp() {
  endpoint.set_user_agent("");
  endpoint.set_validate_handler([this](websocketpp::connection_hdl handle) {
    bool good = false;
    guarded(handle, [&](Connection& its) { good = upgrades.judge(its); });
    return good;
  });
  endpoint.set_open_handler([this](websocketpp::connection_hdl handle) {
    guarded(handle, [this](Connection& its) { on_open(its); });
  });
  endpoint.set_message_handler(
      [this](websocketpp::connection_hdl handle, const Endpoint::message_ptr& message) {
        guarded(handle, [&](Connection& its) { on_message(its, message); });
      });
  endpoint.set_http_handler([this](websocketpp::connection_hdl handle) {
    guarded(handle, [this](Connection& its) { on_http(its); });
  });
  const auto ended = [this](websocketpp::connection_hdl handle) {
    guarded(handle, [this](Connection& its) { on_end(its); });
  };
  endpoint.set_close_handler(ended);
  endpoint.set_fail_handler(ended);
}

void Server::Impl::on_open(Connection& its) {
  its.handshake_done();
  head_of(its).forget();
  const_cast<std::vector<std::string>&>(its.get_requested_subprotocols()) = {};
  its.set_uri(nullptr);
  its.session().on_upgraded();
  parts.on_upgraded(its.session(), upgrades.take(its));
}

void Server::Impl::on_message(Connection& its, const Endpoint::message_ptr& message) {
  its.session().on_message(message->get_payload(),
                           message->get_opcode() == websocketpp::frame::opcode::binary);
}

void Server::Impl::on_http(Connection& its) {
  if (parts.http != nullptr) return errands.begin(its);
  its.handshake_done();
  its.set_status(websocketpp::http::status_code::upgrade_required);
}

void Server::Impl::on_end(Connection& its) {
  upgrades.give_up(its);
  errands.forget(its);
  failed_handshakes.note(its);
  let_go(its.session(), close_code_of(its));
}

// Of a client that upgraded, and once.
void Server::Impl::let_go(Session& session, std::uint16_t code) noexcept {
  if (!session.upgraded() || session.state() == Session::State::closed) return;
  session.on_closed(code);
  parts.on_gone(session);
}

}  // namespace zws
