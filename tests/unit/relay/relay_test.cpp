// The relay against a Redis that says what the test tells it to.
#include "relay/relay.hpp"

#include <gtest/gtest.h>

#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <functional>
#include <future>

#include "core/error.hpp"
#include "unit/relay/redis_answers.hpp"

namespace zws {
namespace {

using asio::ip::tcp;

// Answers one connection, on a thread of its own, until that ends.
class OneConnection {
 public:
  using Answer = std::function<std::string(const std::string& command)>;

  explicit OneConnection(Answer answer)
      : acceptor_(loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        answer_(std::move(answer)),
        ended_(std::async(std::launch::async, [this] { serve(); })) {}

  std::string url() const {
    return "redis://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  bool ends() { return ended_.wait_for(std::chrono::seconds(30)) == std::future_status::ready; }

 private:
  void serve() {
    tcp::socket socket = acceptor_.accept();
    std::error_code fault;
    while (!fault) {
      const std::string command = read_command(socket, fault);
      if (!fault) asio::write(socket, asio::buffer(answer_(command)), fault);
    }
  }

  std::string read_line(tcp::socket& socket, std::error_code& fault) {
    const std::size_t size = asio::read_until(socket, asio::dynamic_buffer(in_), "\r\n", fault);
    if (fault) return {};
    const std::string line = in_.substr(0, size - 2);
    in_.erase(0, size);
    return line;
  }

  // Its words, with a space between.
  std::string read_command(tcp::socket& socket, std::error_code& fault) {
    const std::string head = read_line(socket, fault);
    std::string command;
    for (int i = fault ? 0 : std::stoi(head.substr(1)); i > 0 && !fault; --i) {
      read_line(socket, fault);  // how long it is
      command += (command.empty() ? "" : " ") + read_line(socket, fault);
    }
    return command;
  }

  asio::io_context loop_;
  tcp::acceptor acceptor_;
  std::string in_;
  const Answer answer_;
  std::future<void> ended_;
};

TEST(Relay, AStartThatFailedCallsNobodyAnyMore) {
  OneConnection redis([](const std::string& command) -> std::string {
    if (command.rfind("INFO", 0) == 0) return bulk("redis_version:7.0.15\r\n");
    if (command.rfind("GET", 0) == 0) return bulk("another bridge");
    if (command.rfind("PUBSUB", 0) == 0) return "*2\r\n$1\r\nx\r\n:1\r\n";
    return "+OK\r\n";
  });
  Config config;
  config.relay.redis = redis.url();
  Metrics metrics(1);
  Relay relay(config, "one", metrics.relay);
  EXPECT_THROW(relay.start({[] { return FleetMember(); }, [](auto, auto) {}}), StartupError);
  EXPECT_TRUE(redis.ends()) << "it has hung up";
}

}  // namespace
}  // namespace zws
