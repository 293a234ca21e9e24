#include "ws_client.hpp"

#include <algorithm>
#include <asio.hpp>
#include <asio/ssl.hpp>
#include <optional>
#include <type_traits>
#include <utility>
#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_client.hpp>

#include "cause.hpp"
#include "output.hpp"

namespace zws::tool {
namespace {

constexpr std::size_t message_bytes_max = std::size_t{128} << 20;
constexpr std::chrono::milliseconds look_interval{
    250};  // how soon silence and a gone reader are noticed

constexpr std::chrono::seconds probe_time{2};

struct Plain : websocketpp::config::asio_client {};
struct Tls : websocketpp::config::asio_tls_client {};

}  // namespace

class WsClient::Connection {
 public:
  virtual ~Connection() = default;
  virtual WsEnd run(SteadyTime deadline) = 0;
  virtual void send(const std::string& text) = 0;
  virtual void stop() = 0;
  virtual void expect_life(std::chrono::seconds silence) = 0;
};

namespace {

template <typename Config>
class Session final : public WsClient::Connection {
 public:
  Session(const Url& url, const std::string& token, const TlsOptions& tls, WsHandlers handlers)
      : url_(url), handlers_(std::move(handlers)), deadline_(io_), tick_(io_) {
    client_.clear_access_channels(websocketpp::log::alevel::all);
    client_.clear_error_channels(websocketpp::log::elevel::all);
    client_.init_asio(&io_);
    client_.set_max_message_size(message_bytes_max);
    client_.set_user_agent("zws");
    if constexpr (std::is_same_v<Config, Tls>) {
      auto context =
          std::make_shared<asio::ssl::context>(make_tls(tls, url.host, certificate_fault_));
      client_.set_tls_init_handler([context](Handle) { return context; });
    }
    websocketpp::lib::error_code error;
    connection_ = client_.get_connection(url.websocket(), error);
    if (error) throw std::runtime_error(url.websocket() + ": " + error.message());
    if (!token.empty()) connection_->append_header("Authorization", "Bearer " + token);
    set_handlers();
  }

  WsEnd run(SteadyTime deadline) override {
    client_.connect(connection_);
    deadline_.expires_at(deadline);
    deadline_.async_wait([this](const asio::error_code& error) {
      if (!error) end({WsEnd::Cause::deadline, 0, {}});
    });
    look_around();
    while (!end_ && io_.run_one() != 0) continue;
    if (!end_) end({WsEnd::Cause::not_connected, 0, "the connection ended"});
    say_goodbye();
    return *end_;
  }

  void send(const std::string& text) override {
    websocketpp::lib::error_code error;
    client_.send(connection_, text, websocketpp::frame::opcode::text, error);
  }

  void stop() override { end({WsEnd::Cause::stopped, 0, {}}); }

  void expect_life(std::chrono::seconds silence) override {
    silence_ = silence;
    heard_ = Clock::real().steady();
  }

 private:
  using Client = websocketpp::client<Config>;
  using Handle = websocketpp::connection_hdl;

  void set_handlers() {
    connection_->set_open_handler([this](Handle) { handlers_.opened(); });
    connection_->set_fail_handler([this](Handle) { failed(); });
    connection_->set_close_handler([this](Handle) {
      end({WsEnd::Cause::closed, connection_->get_remote_close_code(),
           connection_->get_remote_close_reason()});
    });
    connection_->set_ping_handler([this](Handle, const std::string&) {
      heard_ = Clock::real().steady();
      return true;
    });
    connection_->set_message_handler([this](Handle, const typename Client::message_ptr& message) {
      heard_ = Clock::real().steady();
      if (end_) return;  // what one read brought is handed on in one go, past stop()
      handlers_.received(message->get_payload(),
                         message->get_opcode() == websocketpp::frame::opcode::binary);
    });
  }

  void failed() {
    const int status = static_cast<int>(connection_->get_response_code());
    if (status != 0 && status != 101)
      return end({WsEnd::Cause::refused, status, connection_->get_response_msg()});
    if (!certificate_fault_.empty())
      return end({WsEnd::Cause::not_connected, 0, certificate_fault_});
    end({WsEnd::Cause::not_connected, 0, cause()});
  }

  // websocketpp may name what failed last, though the name or the port had failed before.
  std::string cause() const {
    const auto transport = connection_->get_transport_ec();
    asio::error_code error = transport ? transport : connection_->get_ec();
    asio::io_context io;
    asio::error_code fault;
    const auto places = asio::ip::tcp::resolver(io).resolve(url_.host, url_.port, fault);
    if (fault) return cause_of(fault, url_);
    asio::ip::tcp::socket probe(io);
    asio::async_connect(probe, places, [&error](const asio::error_code& failed, const auto&) {
      if (failed) error = failed;
    });
    io.run_for(probe_time);
    return cause_of(error, url_);
  }

  void end(WsEnd how) {
    if (!end_) end_ = std::move(how);
  }

  void look_around() {
    if (reader_has_gone()) return end({WsEnd::Cause::reader_gone, 0, {}});
    if (silence_.count() != 0 && Clock::real().steady() - heard_ > silence_)
      return end({WsEnd::Cause::silent, 0, {}});
    tick_.expires_after(look_interval);
    tick_.async_wait([this](const asio::error_code& error) {
      if (!error) look_around();
    });
  }

  // A close frame, if it can leave at once; nobody waits for its answer.
  void say_goodbye() {
    if (end_->cause == WsEnd::Cause::closed || end_->cause == WsEnd::Cause::not_connected ||
        end_->cause == WsEnd::Cause::refused)
      return;
    websocketpp::lib::error_code error;
    client_.close(connection_, websocketpp::close::status::going_away, "", error);
    if (!error) io_.poll();
  }

  const Url url_;
  const WsHandlers handlers_;
  std::string certificate_fault_;
  asio::io_context io_{1};
  Client client_;
  typename Client::connection_ptr connection_;
  asio::steady_timer deadline_;
  asio::steady_timer tick_;
  std::optional<WsEnd> end_;
  SteadyTime heard_{};
  std::chrono::seconds silence_{0};
};

}  // namespace

WsClient::WsClient(const Url& url, const std::string& token, const TlsOptions& tls,
                   WsHandlers handlers) {
  if (url.tls)
    connection_ = std::make_unique<Session<Tls>>(url, token, tls, std::move(handlers));
  else
    connection_ = std::make_unique<Session<Plain>>(url, token, tls, std::move(handlers));
}

WsClient::~WsClient() = default;

WsEnd WsClient::run(SteadyTime deadline) { return connection_->run(deadline); }
void WsClient::send(const std::string& text) { connection_->send(text); }
void WsClient::stop() { connection_->stop(); }
void WsClient::expect_life(std::chrono::seconds silence) { connection_->expect_life(silence); }

}  // namespace zws::tool
