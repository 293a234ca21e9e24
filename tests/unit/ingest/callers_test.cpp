// Who is connected to the repair port, and who has to leave where there are too many.
#include "ingest/callers.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <vector>

namespace zws {
namespace {

constexpr std::chrono::seconds patience{20};

class CallersTest : public testing::Test {
 protected:
  CallersTest() {
    port_.set(zmq::sockopt::rcvtimeo,
              static_cast<int>(std::chrono::milliseconds(patience).count()));
    port_.bind("tcp://127.0.0.1:*");
    endpoint_ = port_.get(zmq::sockopt::last_endpoint);
  }
  ~CallersTest() override {
    for (const int stranger : strangers_) ::close(stranger);
  }

  // Says nothing.
  void connect_a_stranger() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint_.substr(endpoint_.rfind(':') + 1))));
    strangers_.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(
        ::connect(strangers_.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
        0);
  }
  zmq::socket_t connect_a_publisher() {
    zmq::socket_t publisher(context_, zmq::socket_type::dealer);
    publisher.set(zmq::sockopt::linger, 0);
    publisher.connect(endpoint_);
    publisher.send(zmq::str_buffer("here"));
    return publisher;
  }
  // What it said has come, so its handshake is done.
  void wait_for_a_publisher() {
    zmq::message_t frame;
    do {
      ASSERT_TRUE(port_.recv(frame));
    } while (frame.more());
    callers_.look();
  }
  std::uint64_t refused() const {
    return metrics_.producers_refused[static_cast<std::size_t>(RefuseReason::too_many)].value();
  }
  bool look_until_refused(std::uint64_t count) {
    const SteadyTime until = std::chrono::steady_clock::now() + patience;
    while (refused() < count && std::chrono::steady_clock::now() < until) {
      callers_.look();
      std::this_thread::yield();
    }
    return refused() == count;
  }
  // Of the stranger that came as the `index`th; waits for it.
  bool is_cut(std::size_t index) {
    char byte = 0;
    timeval most{};
    most.tv_sec = patience.count();
    ::setsockopt(strangers_[index], SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    ssize_t got = 1;
    while (got > 0) got = ::recv(strangers_[index], &byte, 1, 0);  // the greeting, first
    return got == 0 || errno == ECONNRESET;
  }

  zmq::context_t context_;
  zmq::socket_t port_{context_, zmq::socket_type::router};
  IngestMetrics metrics_;
  Callers callers_{context_, port_, metrics_, 2};
  std::string endpoint_;
  std::vector<int> strangers_;
};

TEST_F(CallersTest, TheOldestWhoSaysNothingMakesRoom) {
  EXPECT_TRUE(callers_.nobody());
  for (int i = 0; i < 5; ++i) connect_a_stranger();
  ASSERT_TRUE(look_until_refused(3));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(is_cut(i));
  EXPECT_FALSE(callers_.nobody());
}

TEST_F(CallersTest, WhoIsThereIsNotThrownOut) {
  const zmq::socket_t one = connect_a_publisher();
  wait_for_a_publisher();
  const zmq::socket_t two = connect_a_publisher();
  wait_for_a_publisher();
  connect_a_stranger();
  ASSERT_TRUE(look_until_refused(1));
  EXPECT_TRUE(is_cut(0));
}

TEST_F(CallersTest, APublisherTakesTheStrangersPlace) {
  connect_a_stranger();
  connect_a_stranger();
  const zmq::socket_t publisher = connect_a_publisher();
  wait_for_a_publisher();
  ASSERT_TRUE(look_until_refused(1));
  EXPECT_TRUE(is_cut(0));
}

}  // namespace
}  // namespace zws
