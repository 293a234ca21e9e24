#include "http_client.hpp"

#include <asio.hpp>
#include <asio/ssl.hpp>
#include <cstdlib>

#include "cause.hpp"
#include "failure.hpp"
#include "http_chunks.hpp"

namespace zws::tool {
namespace {

constexpr std::size_t answer_bytes_max = std::size_t{64} << 20;

using asio::ip::tcp;

// Where an operation puts how it ended; until then it has timed out.
auto result(asio::error_code& error) {
  return [&error](const asio::error_code& ended, auto&&...) { error = ended; };
}

class Exchange {
 public:
  Exchange(const HttpCall& call, const Url& url, const std::string& token)
      : url_(url), patience_(call.patience), answer_(text_, answer_bytes_max) {
    request_ = call.method + " " + url.path + " HTTP/1.1\r\nHost: " + url.authority() +
               "\r\nUser-Agent: zws\r\nAccept: application/json\r\nConnection: close\r\n";
    if (!token.empty()) request_ += "Authorization: Bearer " + token + "\r\n";
    if (!call.body.empty())
      request_ +=
          "Content-Type: application/json\r\nContent-Length: " + std::to_string(call.body.size()) +
          "\r\n";
    request_ += "\r\n" + call.body;
  }

  std::string over_tcp() {
    tcp::socket socket(io_);
    connect(socket);
    ask(socket);
    return std::move(text_);
  }

  std::string over_tls(const TlsOptions& options) {
    asio::ssl::context context = make_tls(options, url_.host, certificate_fault_);
    asio::ssl::stream<tcp::socket> stream(io_, context);
    SSL_set_tlsext_host_name(stream.native_handle(), url_.host.c_str());
    connect(stream.lowest_layer());
    asio::error_code error = asio::error::timed_out;
    stream.async_handshake(asio::ssl::stream_base::client, result(error));
    wait(error);
    ask(stream);
    return std::move(text_);
  }

 private:
  void connect(tcp::socket::lowest_layer_type& socket) {
    tcp::resolver resolver(io_);
    asio::error_code error;
    const auto addresses = resolver.resolve(url_.host, url_.port, error);
    if (error) fail(error);
    error = asio::error::timed_out;
    asio::async_connect(socket, addresses, result(error));
    wait(error);
  }

  template <typename Stream>
  void ask(Stream& stream) {
    asio::error_code error = asio::error::timed_out;
    asio::async_write(stream, asio::buffer(request_), result(error));
    wait(error);
    error = asio::error::timed_out;
    asio::async_read(stream, answer_, asio::transfer_all(), result(error));
    io_.restart();
    io_.run_for(patience_);
    if (!error) throw Failure(Exit::failed, url_.authority() + " answered with more than 64 MiB");
    // Over TLS many servers end without saying so.
    if (error != asio::error::eof && error != asio::ssl::error::stream_truncated) fail(error);
  }

  void wait(asio::error_code& error) {
    io_.restart();
    io_.run_for(patience_);
    if (error) fail(error);
  }

  [[noreturn]] void fail(const asio::error_code& error) const {
    throw Failure(Exit::cannot_connect,
                  "cannot connect to " + url_.authority() + ": " +
                      (certificate_fault_.empty() ? cause_of(error, url_) : certificate_fault_));
  }

  const Url& url_;
  const std::chrono::milliseconds patience_;
  std::string certificate_fault_;
  asio::io_context io_{1};
  std::string request_;
  std::string text_;
  asio::dynamic_string_buffer<char, std::char_traits<char>, std::allocator<char>> answer_;
};

}  // namespace

HttpAnswer http_call(const HttpCall& call, const Url& url, const std::string& token,
                     const TlsOptions& tls) {
  Exchange exchange(call, url, token);
  const std::string text = url.tls ? exchange.over_tls(tls) : exchange.over_tcp();
  constexpr std::string_view version = "HTTP/1.";
  const std::size_t body = text.find("\r\n\r\n");
  if (text.compare(0, version.size(), version) != 0 || body == std::string::npos)
    throw Failure(Exit::cannot_connect,
                  "what listens at " + url.authority() + " does not speak HTTP" +
                      (url.tls ? "" : "; if it wants TLS, write https:// or wss://"));
  HttpAnswer answer;
  answer.status = std::atoi(text.c_str() + text.find(' '));
  answer.body = text.substr(body + 4);
  if (is_chunked(std::string_view(text).substr(0, body))) {
    auto joined = join_chunks(answer.body);
    if (!joined) throw Failure(Exit::failed, "the answer of " + url.authority() + " broke off");
    answer.body = *std::move(joined);
  }
  return answer;
}

}  // namespace zws::tool
