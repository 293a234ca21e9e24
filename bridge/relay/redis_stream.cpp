#include "relay/redis_stream.hpp"

#include <openssl/ssl.h>

#include <array>
#include <asio/connect.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ssl.hpp>
#include <asio/write.hpp>
#include <type_traits>

#include "relay/name_question.hpp"

namespace zws {
namespace {

using asio::ip::tcp;
using TlsSocket = asio::ssl::stream<tcp::socket>;

constexpr std::size_t read_bytes = std::size_t{64} << 10;

class Stream : public RedisStream, public std::enable_shared_from_this<Stream> {
 public:
  Stream(asio::io_context& loop, RedisUrl url, Events events)
      : url_(std::move(url)), events_(std::move(events)), loop_(loop) {}

  void begin() {
    name_.ask(loop_, url_.host, url_.port,
              [this, self = shared_from_this()](auto fault, const auto& found) {
                if (failed("looking up its name", fault)) return;
                asio::async_connect(socket(), found, [this, self](auto refused, const auto&) {
                  if (failed("connecting", refused)) return;
                  std::error_code ignored;
                  socket().set_option(tcp::no_delay(true), ignored);
                  secure();
                });
              });
  }

  void close() noexcept override {
    closed_ = true;
    name_.drop();
    std::error_code ignored;
    socket().close(ignored);
  }

 protected:
  virtual tcp::socket& socket() noexcept = 0;
  virtual void secure() = 0;
  virtual void read() = 0;

  void opened() {
    events_.on_open();
    if (!closed_) read();
  }

  // True where nothing is to be done any more.
  bool failed(const char* doing, const std::error_code& fault) {
    if (closed_) return true;
    if (!fault) return false;
    close();
    events_.on_failed(std::string(doing) + ": " + fault.message());
    return true;
  }

  const RedisUrl url_;
  const Events events_;
  std::array<char, read_bytes> in_;
  std::string out_;

 private:
  asio::io_context& loop_;
  NameQuestion name_;
  bool closed_ = false;
};

template <typename Socket>
class StreamOver final : public Stream {
 public:
  template <typename... Args>
  StreamOver(asio::io_context& loop, RedisUrl url, Events events, Args&&... args)
      : Stream(loop, std::move(url), std::move(events)),
        socket_(loop, std::forward<Args>(args)...) {}

  void write(std::string bytes) override {
    out_ = std::move(bytes);
    asio::async_write(socket_, asio::buffer(out_),
                      [this, self = shared_from_this()](auto fault, std::size_t) {
                        if (!failed("writing", fault)) events_.on_sent();
                      });
  }

 private:
  tcp::socket& socket() noexcept override {
    if constexpr (std::is_same_v<Socket, tcp::socket>)
      return socket_;
    else
      return socket_.next_layer();
  }

  void secure() override {
    if constexpr (std::is_same_v<Socket, tcp::socket>) {
      opened();
    } else {
      socket_.set_verify_callback(asio::ssl::host_name_verification(url_.host));
      SSL_set_tlsext_host_name(socket_.native_handle(), url_.host.c_str());
      socket_.async_handshake(asio::ssl::stream_base::client,
                              [this, self = shared_from_this()](auto fault) {
                                if (!failed("agreeing on TLS", fault)) opened();
                              });
    }
  }

  void read() override {
    socket_.async_read_some(asio::buffer(in_),
                            [this, self = shared_from_this()](auto fault, std::size_t size) {
                              if (failed("reading", fault)) return;
                              events_.on_bytes(std::string_view(in_.data(), size));
                              if (!failed("", {})) read();
                            });
  }

  Socket socket_;
};

// What every connection of a program has in common.
asio::ssl::context& rules() {
  static asio::ssl::context made = [] {
    asio::ssl::context all(asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(all.native_handle(), TLS1_2_VERSION);
    all.set_default_verify_paths();
    all.set_verify_mode(asio::ssl::verify_peer);
    return all;
  }();
  return made;
}

}  // namespace

std::shared_ptr<RedisStream> RedisStream::open(asio::io_context& loop, const RedisUrl& url,
                                               Events events) {
  std::shared_ptr<Stream> stream;
  if (url.tls)
    stream = std::make_shared<StreamOver<TlsSocket>>(loop, url, std::move(events), rules());
  else
    stream = std::make_shared<StreamOver<tcp::socket>>(loop, url, std::move(events));
  stream->begin();
  return stream;
}

}  // namespace zws
