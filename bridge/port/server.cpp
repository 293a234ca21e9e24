#include "port/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <unordered_map>
#include <websocketpp/common/network.hpp>

#include "core/log.hpp"
#include "port/connection.hpp"
#include "port/connections.hpp"
#include "port/proxied_wire.hpp"

namespace zws {
namespace {

namespace status_code = websocketpp::http::status_code;
using ConnectionPtr = Endpoint::connection_ptr;

constexpr std::string_view subprotocol = "zws.v1.json";
constexpr std::string_view bearer_prefix = "bearer.";
// websocketpp has no answer for a request that never came.
std::string timeout_answer() {
  const std::string body =
      HttpResponse::error(408, "invalid_message", "the request took too long").body;
  return "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// The connection behind a session.
class WebSocketPeer final : public Peer {
 public:
  explicit WebSocketPeer(Connection& connection) : connection_(connection) {}

  Outbox& outbox() noexcept override { return connection_.outbox(); }
  bool deaf() const noexcept override { return connection_.deaf(); }
  void go_on_reading() noexcept override { connection_.continue_reading(); }
  void limit_messages(std::size_t bytes) noexcept override {
    connection_.set_max_message_size(bytes);
  }
  void abort() noexcept override { connection_.post_terminate(); }

  void close(CloseCode code, std::string_view reason) noexcept override try {
    websocketpp::lib::error_code fault;
    connection_.close(static_cast<std::uint16_t>(code), std::string(reason), fault);
    if (fault) return abort();
    // What waited may be gone, and with it what kept us from hearing the client's half.
    connection_.continue_reading();
  } catch (const std::exception& error) {
    log::error("closing a connection failed: {}", error.what());
    abort();
  }

  void on_deadline() noexcept override try {
    connection_.outbox().write(timeout_answer());
    connection_.terminate(
        websocketpp::error::make_error_code(websocketpp::error::open_handshake_timeout));
  } catch (const std::exception& error) {
    log::error("refusing a slow request failed: {}", error.what());
    abort();
  }

  void terminate() noexcept override try {
    connection_.terminate(websocketpp::error::make_error_code(websocketpp::error::general));
  } catch (const std::exception& error) {
    log::error("ending a connection failed: {}", error.what());
  }

 private:
  Connection& connection_;
};

// 24 characters of base64 that stand for 16 bytes.
bool is_key(std::string_view key) noexcept {
  if (key.size() != 24 || key.substr(22) != "==") return false;
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const char c : key.substr(0, 22)) {
    if (alphabet.find(c) == std::string_view::npos) return false;
  }
  return true;
}

HttpRequest request_of(const Connection& connection) {
  const StrictRequest& head = connection.get_request();
  HttpRequest request;
  request.method = head.get_method();
  const std::string& target = head.get_uri();
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.query = target.substr(question + 1);
  for (const auto& [name, value] : head.get_headers()) request.headers.emplace(name, value);
  return request;
}

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

StrictRequest& head_of(Connection& connection) {
  return const_cast<StrictRequest&>(connection.get_request());
}

// A plain request between its head and its answer.
struct Errand {
  ConnectionPtr connection;  // nothing else keeps it while it waits
  std::string method;
  bool wants_continue = false;
  std::string body;  // what has come of it
  std::function<void(std::string)> then;
};

}  // namespace

struct Server::Impl {
  explicit Impl(Parts given) : parts(std::move(given)) {
    parts.transport.connections = &connections;
  }

  // The way back to an errand, for any thread. It names the errand by number and holds nothing of the
  // connection, which so begins and ends on its own lane, whoever lets go of the answer last.
  class WayBack {
   public:
    WayBack(Impl& server, std::uint64_t number)
        : server_(server),
          alive_(server.alive),
          loop_(*server.parts.transport.loop),
          number_(number) {}
    WayBack(const WayBack&) = delete;
    WayBack& operator=(const WayBack&) = delete;
    ~WayBack() {
      try {
        post([](Impl& server, std::uint64_t number) { server.give_up(number); });
      } catch (const std::exception& error) {
        log::error("an HTTP request stays without an answer: {}", error.what());
      }
    }

    template <typename Work>
    void post(Work work) const {
      // The lanes' threads have ended before the first server goes.
      if (alive_.expired()) return;
      asio::post(loop_, [&server = server_, number = number_, work = std::move(work)]() mutable {
        work(server, number);
      });
    }

   private:
    Impl& server_;
    const std::weak_ptr<const char> alive_;
    asio::io_context& loop_;
    const std::uint64_t number_;
  };

  void start();
  ConnectionPtr connection(const websocketpp::connection_hdl& handle) {
    return endpoint.get_con_from_hdl(handle);
  }

  // Runs what websocketpp calls; what it throws ends that connection and nothing else.
  template <typename Work>
  void guarded(const websocketpp::connection_hdl& handle, Work&& work) noexcept {
    try {
      const ConnectionPtr its = connection(handle);
      try {
        work(*its);
      } catch (const std::exception& error) {
        log::error("a connection from {} failed: {}", log::escaped(its->get_remote_endpoint()),
                   error.what());
        its->post_terminate();
      }
    } catch (const std::exception& error) {
      log::error("a connection failed: {}", error.what());
    }
  }

  bool validate(Connection& its);
  bool refuse(Connection& its, HandshakeResult result, int status, std::string_view code,
              std::string_view message);
  std::string token_of(Connection& its, const HttpRequest& request);
  void on_open(Connection& its);
  void on_message(Connection& its, const Endpoint::message_ptr& message);
  void on_http(Connection& its);
  void on_end(Connection& its);
  void note_fault(Connection& its);
  void take_body(std::uint64_t number, std::function<void(std::string)> then) noexcept;
  void read_body(std::uint64_t number);
  void answer(std::uint64_t number, HttpResponse response) noexcept;
  static void send(Connection& its, const std::string& method, const HttpResponse& response);
  void give_up(std::uint64_t number) noexcept;
  void count(HandshakeResult result) {
    parts.transport.rules.metrics->handshakes[static_cast<std::size_t>(result)].add();
  }

  Parts parts;
  Connections connections;
  Endpoint endpoint;
  std::unordered_map<const Session*, Upgrade> upgrades;  // between validate and open
  std::unordered_map<std::uint64_t, Errand> errands;     // between head and answer
  std::uint64_t last_errand = 0;
  const std::shared_ptr<const char> alive = std::make_shared<const char>('\0');
  std::array<char, 16'384> incoming;  // of bodies, between a read and its handler
  log::Quiet origin_log;
  log::Quiet host_log;
  log::Quiet tls_log;
  log::Quiet proxy_log;
};

Server::Server(Parts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {
  // It notes the machine's byte order at its first call, which lanes would make side by side. The first
  // server is made before any lane runs.
  websocketpp::lib::net::_htonll(0);
  impl_->start();
}
Server::~Server() { stop(); }

void Server::stop() noexcept { impl_->connections.drop_all(); }

void Server::reload(ConfigPtr config, std::shared_ptr<const Access> access, TlsPtr tls) {
  impl_->parts.transport.rules.config = std::move(config);
  impl_->parts.access = std::move(access);
  impl_->parts.tls = std::move(tls);
}

void Server::Impl::start() {
  endpoint.set_user_agent("");
  endpoint.set_validate_handler([this](websocketpp::connection_hdl handle) {
    bool good = false;
    guarded(handle, [&](Connection& its) { good = validate(its); });
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

void Server::take(int descriptor, std::string address, bool local) {
  const LimitsConfig& limits = impl_->parts.transport.rules.config->limits;
  const int unsent = static_cast<int>(limits.unsent_bytes);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  impl_->endpoint.set_max_message_size(limits.message_bytes);
  const ConnectionPtr made = impl_->endpoint.get_connection();
  if (impl_->parts.places != nullptr)
    head_of(*made).place = std::make_unique<HttpPlace>(*impl_->parts.places, address_key(address));
  auto wire = impl_->parts.tls && !local ? impl_->parts.tls->wrap(descriptor)
                                         : std::make_unique<Wire>(descriptor);
  if (impl_->parts.transport.rules.config->server.proxy_protocol)
    wire = std::make_unique<ProxiedWire>(std::move(wire), impl_->parts.access->trusted(address));
  made->adopt(impl_->parts.transport, std::move(wire), std::make_unique<WebSocketPeer>(*made),
              std::move(address));
  made->start();
}

// --- the upgrade ---------------------------------------------------------------------------------

bool Server::Impl::refuse(Connection& its, HandshakeResult result, int status,
                          std::string_view code, std::string_view message) {
  count(result);
  its.set_status(static_cast<status_code::value>(status));
  its.set_body(HttpResponse::error(status, code, message).body);
  its.replace_header("Content-Type", "application/json");
  return false;
}

bool Server::Impl::validate(Connection& its) {
  const HttpRequest request = request_of(its);
  const Config& config = *parts.transport.rules.config;
  const std::string peer = its.get_remote_endpoint();
  if (parts.http != nullptr && request.path != config.server.path)
    return refuse(its, HandshakeResult::not_found, 404, "invalid_message",
                  "WebSocket clients connect to " + config.server.path);
  if (head_of(its).body_bytes() != 0 || !request.header("Transfer-Encoding").empty())
    return refuse(its, HandshakeResult::bad_request, 400, "invalid_message",
                  "an upgrade has no body");
  if (!is_key(request.header("Sec-WebSocket-Key")))
    return refuse(its, HandshakeResult::bad_request, 400, "invalid_message",
                  "Sec-WebSocket-Key must be 16 bytes in base64");
  if (parts.admission == nullptr) {
    upgrades[&its.session()] = Upgrade{peer, {}, false};
    return true;
  }

  std::uint64_t suppressed = 0;
  if (!parts.access->host_allowed(request)) {
    if (host_log.pass(suppressed))
      log::warning(
          "refused {} from {}: without a key the bridge answers only as localhost "
          "and not through a proxy; configure auth or set auth.open = true{}",
          Access::host_fault(request), log::escaped(peer), log::more(suppressed));
    return refuse(its, HandshakeResult::forbidden_host, 403, "forbidden",
                  "in open mode the bridge answers only as localhost and not through a proxy");
  }
  if (!parts.access->origin_allowed(peer, request)) {
    if (origin_log.pass(suppressed))
      log::warning("refused Origin \"{}\" from {}: add it to server.allowed_origins{}",
                   log::escaped(request.header("Origin"), 200), log::escaped(peer),
                   log::more(suppressed));
    return refuse(its, HandshakeResult::forbidden_origin, 403, "forbidden",
                  "this Origin is not in server.allowed_origins");
  }

  Upgrade upgrade;
  upgrade.address = parts.access->client_address(peer, request);
  const std::string key = address_key(upgrade.address);
  if (parts.draining()) {
    its.replace_header("Retry-After", "5");
    return refuse(its, HandshakeResult::full, 503, "limit_exceeded", "the bridge stops");
  }
  upgrade.token = token_of(its, request);
  if (!upgrade.token.empty() &&
      parts.admission->too_many_failed_tokens(key, parts.transport.rules.clock->steady()) &&
      !parts.token_passes(upgrade.token)) {
    its.replace_header("Retry-After", "60");
    return refuse(its, HandshakeResult::too_many_failures, 429, "rate_limited",
                  "too many failed tokens from this address");
  }
  switch (parts.admission->enter(key)) {
    case Admission::Answer::admitted: break;
    case Admission::Answer::full:
      its.replace_header("Retry-After", "5");
      return refuse(its, HandshakeResult::full, 503, "limit_exceeded", "the bridge is full");
    case Admission::Answer::short_of_memory:
      its.replace_header("Retry-After", "10");
      return refuse(its, HandshakeResult::short_of_memory, 503, "limit_exceeded",
                    "the bridge is short of memory");
    case Admission::Answer::full_for_address: upgrade.full_for_address = true; break;
  }
  upgrades[&its.session()] = std::move(upgrade);
  return true;
}

// ?token=, Authorization: Bearer, or the subprotocol list ["zws.v1.json", "bearer.<jwt>"].
std::string Server::Impl::token_of(Connection& its, const HttpRequest& request) {
  std::string token = query_value(request.query, "token");
  for (const std::string& offered : its.get_requested_subprotocols()) {
    if (offered == subprotocol) its.select_subprotocol(std::string(subprotocol));
    if (token.empty() && offered.compare(0, bearer_prefix.size(), bearer_prefix) == 0)
      token = offered.substr(bearer_prefix.size());
  }
  const std::string_view authorization = request.header("Authorization");
  constexpr std::string_view scheme = "bearer ";
  if (token.empty() && authorization.size() > scheme.size()) {
    const HeaderLess less;
    const std::string_view given = authorization.substr(0, scheme.size());
    if (!less(given, scheme) && !less(scheme, given)) token = authorization.substr(scheme.size());
  }
  return token;
}

void Server::Impl::on_open(Connection& its) {
  its.handshake_done();
  // The request has told all it had to; what websocketpp keeps of it would stay for life.
  head_of(its) = StrictRequest{};
  const_cast<std::vector<std::string>&>(its.get_requested_subprotocols()) = {};
  its.set_uri(nullptr);
  const auto found = upgrades.find(&its.session());
  Upgrade upgrade = std::move(found->second);
  upgrades.erase(found);
  count(upgrade.full_for_address ? HandshakeResult::full_for_address : HandshakeResult::accepted);
  its.session().upgraded = true;
  parts.on_upgraded(its.session(), std::move(upgrade));
}

void Server::Impl::on_message(Connection& its, const Endpoint::message_ptr& message) {
  its.session().on_message(message->get_payload(),
                           message->get_opcode() == websocketpp::frame::opcode::binary);
}

void Server::Impl::on_end(Connection& its) {
  const auto waiting = upgrades.find(&its.session());
  if (waiting != upgrades.end()) {
    // Admitted, but gone before the upgrade was written.
    if (parts.admission != nullptr && !waiting->second.full_for_address)
      parts.admission->leave(address_key(waiting->second.address));
    upgrades.erase(waiting);
  }
  errands.erase(head_of(its).errand);
  if (its.get_ec() ==
      websocketpp::error::make_error_code(websocketpp::error::open_handshake_timeout))
    count(HandshakeResult::timeout);
  if (its.get_ec() == websocketpp::error::make_error_code(websocketpp::error::http_parse_error))
    count(HandshakeResult::bad_request);
  note_fault(its);
  if (!its.session().upgraded) return;
  its.session().on_closed(close_code_of(its));
  parts.on_gone(its.session());
}

void Server::Impl::note_fault(Connection& its) {
  const std::string_view fault = its.handshake_fault();
  if (fault.empty()) return;
  std::uint64_t suppressed = 0;
  if (its.get_ec() == websocketpp::error::make_error_code(websocketpp::error::http_parse_error)) {
    if (proxy_log.pass(suppressed))
      log::warning("refused a PROXY header from {}: {}{}", log::escaped(its.get_remote_endpoint()),
                   fault, log::more(suppressed));
    return;
  }
  count(HandshakeResult::tls_failed);
  if (tls_log.pass(suppressed))
    log::info("a TLS handshake with {} failed: {}{}", log::escaped(its.get_remote_endpoint()),
              fault, log::more(suppressed));
}

// --- plain HTTP ----------------------------------------------------------------------------------

// The head is judged before anything is taken: whoever answers asks for the body when it is wanted.
void Server::Impl::on_http(Connection& its) {
  HttpRequest request = request_of(its);
  request.peer = its.get_remote_endpoint();
  if (parts.http == nullptr) {
    its.handshake_done();
    its.set_status(status_code::upgrade_required);
    return;
  }
  request.address = parts.access->client_address(request.peer, request);
  StrictRequest& head = head_of(its);
  if (head.place) request.crowd = head.place->enter(address_key(request.address));
  if (head.body_bytes() == 0) its.handshake_done();
  its.defer_http_response();

  head.errand = ++last_errand;
  Errand& errand = errands[head.errand];
  errand.connection = std::static_pointer_cast<Connection>(its.get_shared());
  errand.method = request.method;
  errand.wants_continue =
      names_token(request.header("Expect"), "100-continue") && head.get_version() != "HTTP/1.0";
  const auto back = std::make_shared<const WayBack>(*this, head.errand);
  request.take_body = [back](std::function<void(std::string)> then) {
    back->post([then = std::move(then)](Impl& server, std::uint64_t number) mutable {
      server.take_body(number, std::move(then));
    });
  };
  parts.http->handle(std::move(request), [back](HttpResponse response) {
    back->post([response = std::move(response)](Impl& server, std::uint64_t number) mutable {
      server.answer(number, std::move(response));
    });
  });
}

void Server::Impl::take_body(std::uint64_t number, std::function<void(std::string)> then) noexcept
    try {
  const auto found = errands.find(number);
  if (found == errands.end()) return;
  Errand& errand = found->second;
  Connection& its = *errand.connection;
  StrictRequest& head = head_of(its);
  const HttpCrowd crowd = head.place ? head.place->hold(head.body_bytes()) : HttpCrowd::none;
  if (crowd != HttpCrowd::none) return answer(number, HttpResponse::crowded(crowd));
  errand.body = head.take_body();
  errand.then = std::move(then);
  if (errand.wants_continue && errand.body.empty() && head.body_bytes() != 0)
    its.outbox().write("HTTP/1.1 100 Continue\r\n\r\n");
  read_body(number);
} catch (const std::exception& error) {
  log::error("a request's body could not be taken: {}", error.what());
  give_up(number);
}

void Server::Impl::read_body(std::uint64_t number) {
  const auto found = errands.find(number);
  if (found == errands.end()) return;
  Errand& errand = found->second;
  Connection& its = *errand.connection;
  const std::size_t whole = head_of(its).body_bytes();
  if (errand.body.size() >= whole) {
    its.handshake_done();
    const auto then = std::exchange(errand.then, nullptr);
    return then(std::move(errand.body));
  }
  its.read_more(incoming.data(), std::min(incoming.size(), whole - errand.body.size()),
                [this, number](const websocketpp::lib::error_code& fault, std::size_t size) {
                  const auto its_errand = errands.find(number);
                  if (its_errand == errands.end()) return;
                  const ConnectionPtr connection = its_errand->second.connection;
                  if (fault) return connection->terminate(fault);
                  its_errand->second.body.append(incoming.data(), size);
                  connection->body_came(its_errand->second.body.size());
                  read_body(number);
                });
}

void Server::Impl::answer(std::uint64_t number, HttpResponse response) noexcept try {
  const auto found = errands.find(number);
  if (found == errands.end()) return;
  const Errand errand = std::move(found->second);
  errands.erase(found);
  Connection& its = *errand.connection;
  its.handshake_done();
  if (its.get_state() == websocketpp::session::state::closed) return;
  HttpPlace* const place = head_of(its).place.get();
  // Once for websocketpp and once for what waits in the queue.
  const HttpCrowd crowd = place != nullptr && errand.method != "HEAD"
                              ? place->hold(2 * response.body.size())
                              : HttpCrowd::none;
  if (crowd != HttpCrowd::none) response = HttpResponse::crowded(crowd);
  parts.transport.rules.metrics->count_http_response(static_cast<std::uint16_t>(response.status));
  send(its, errand.method, response);
} catch (const std::exception& error) {
  log::error("an HTTP answer could not be sent: {}", error.what());
}

void Server::Impl::send(Connection& its, const std::string& method, const HttpResponse& response) {
  its.set_status(static_cast<status_code::value>(response.status));
  for (const auto& [name, value] : response.headers) its.replace_header(name, value);
  if (!response.content_type.empty() && !(response.body.empty() && response.status == 204))
    its.replace_header("Content-Type", response.content_type);
  if (method == "HEAD" && response.status != 304) {  // which says nothing of a size
    its.replace_header("Content-Length", std::to_string(response.body.size()));
  } else {
    its.set_body(response.body);
  }
  websocketpp::lib::error_code ignored;
  its.send_http_response(ignored);
}

// Whoever was to answer never will.
void Server::Impl::give_up(std::uint64_t number) noexcept {
  if (errands.find(number) == errands.end()) return;
  try {
    answer(number, HttpResponse::error(500, "internal", "the bridge could not answer"));
  } catch (const std::exception& error) {
    log::error("a request stays without an answer: {}", error.what());
  }
}

}  // namespace zws
