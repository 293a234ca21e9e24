// Peer: what a test sets in the place of Redis, and says itself what it answers.
#pragma once

#include <array>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace zws {

// The answer to INFO.
constexpr char info[] = "$22\r\nredis_version:7.0.15\r\n\r\n";

// Takes one connection at a time, and writes down what came over it.
class Peer {
 public:
  explicit Peer(asio::io_context& loop)
      : acceptor_(loop, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        socket_(loop) {
    accept();
  }

  std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }
  void say(std::string_view text) { asio::write(socket_, asio::buffer(text.data(), text.size())); }
  void hang_up() { socket_.close(); }
  bool heard(std::string_view text) const { return got.find(text) != std::string::npos; }

  std::string got;
  int connections = 0;

 private:
  void accept() {
    acceptor_.async_accept([this](const std::error_code& fault, asio::ip::tcp::socket socket) {
      if (fault) return;
      socket_ = std::move(socket);
      got.clear();
      ++connections;
      read();
      accept();
    });
  }

  void read() {
    socket_.async_read_some(asio::buffer(in_),
                            [this](const std::error_code& fault, std::size_t size) {
                              if (fault) return;
                              got.append(in_.data(), size);
                              read();
                            });
  }

  asio::ip::tcp::acceptor acceptor_;
  asio::ip::tcp::socket socket_;
  std::array<char, 65536> in_{};
};

}  // namespace zws
