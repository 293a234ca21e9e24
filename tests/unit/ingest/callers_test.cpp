// Who is connected to the repair port, and who has to leave where there are too many.
#include "ingest/callers.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>
#include <vector>

namespace zws {
namespace {

constexpr std::chrono::seconds patience{20};

// While it lives no descriptor can be made.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &limit_);
    const int next = ::dup(0);
    ::close(next);
    rlimit none = limit_;
    none.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &limit_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit limit_{};
};

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

  int connect_by_hand() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint_.substr(endpoint_.rfind(':') + 1))));
    const int made = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    timeval most{};
    most.tv_sec = patience.count();
    ::setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    return made;
  }
  // Says nothing.
  void connect_a_stranger() { strangers_.push_back(connect_by_hand()); }
  static void take(int connection, std::string& bytes) {
    ASSERT_EQ(::recv(connection, bytes.data(), bytes.size(), MSG_WAITALL),
              static_cast<ssize_t>(bytes.size()));
  }
  static void send(int connection, const std::string& bytes) {
    ASSERT_EQ(::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  static void wait_until_accepted(int connection) {
    std::string signature(10, ' ');  // which libzmq sends before it has heard anything
    take(connection, signature);
  }
  static std::string zmtp_greeting() {
    return '\xff' + std::string(8, '\0') + "\x7f\x03" + std::string(1, '\0') + "NULL" +
           std::string(48, '\0');
  }
  // As a DEALER.
  static void shake_hands(int connection) {
    const std::string ready = "\x05READY\x0bSocket-Type" + std::string(3, '\0') + "\x06" + "DEALER";
    send(connection, zmtp_greeting() + '\x04' + static_cast<char>(ready.size()) + ready);
    std::string rest(64 - 10 + 2, ' ');  // of the greeting, and how long the port's READY is
    take(connection, rest);
    std::string answer(static_cast<unsigned char>(rest.back()), ' ');
    take(connection, answer);
  }
  // Of the connection over which it has come.
  int wait_for_a_message() {
    zmq::message_t frame;
    do {
      EXPECT_TRUE(port_.recv(frame));
    } while (frame.more());
    return zmq_msg_get(frame.handle(), ZMQ_SRCFD);
  }
  static bool is_at_end(int connection) {
    char byte = 0;
    return ::recv(connection, &byte, 1, MSG_DONTWAIT) == 0 || errno != EAGAIN;
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

// Their descriptors are given to others.
TEST_F(CallersTest, WhoWasCutOffAndHasGoneMakesRoomForNobodyMore) {
  for (std::uint64_t i = 0; i < 12; ++i) {
    connect_a_stranger();
    if (i < 2) continue;
    ASSERT_TRUE(look_until_refused(i - 1)) << i;
    EXPECT_TRUE(is_cut(i - 2));
  }
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

TEST_F(CallersTest, NoStrangerWhoSaysNothingIsTakenForAPublisher) {
  const int late = connect_by_hand();
  wait_until_accepted(late);
  connect_a_stranger();
  wait_until_accepted(strangers_.back());
  shake_hands(late);
  for (int i = 0; i < 5; ++i) connect_a_stranger();
  ASSERT_TRUE(look_until_refused(5));
  for (std::size_t i = 0; i < 5; ++i) EXPECT_TRUE(is_cut(i));
  EXPECT_FALSE(is_at_end(late));
  ::close(late);
}

TEST_F(CallersTest, WhoSaidSomethingStaysThoughAStrangerWasTakenForIt) {
  const int late = connect_by_hand();
  wait_until_accepted(late);
  connect_a_stranger();
  wait_until_accepted(strangers_.back());
  send(strangers_.back(), zmtp_greeting() + "\x04\x7f" + std::string(8, 'x'));  // half a READY
  shake_hands(late);
  callers_.look();
  send(late, std::string(2, '\0'));  // an empty message
  callers_.heard(wait_for_a_message());
  connect_a_stranger();
  connect_a_stranger();
  ASSERT_TRUE(look_until_refused(2));
  EXPECT_FALSE(is_at_end(late));
  ::close(late);
}

TEST_F(CallersTest, WhoCannotBeCutOffForWantOfADescriptorIsWhenThereIsOne) {
  for (int i = 0; i < 3; ++i) {
    connect_a_stranger();
    wait_until_accepted(strangers_.back());
  }
  {
    const NoDescriptors none;
    callers_.look();
    EXPECT_EQ(refused(), 0U);
  }
  callers_.look();
  EXPECT_EQ(refused(), 1U);
  EXPECT_TRUE(is_cut(0));
}

}  // namespace
}  // namespace zws
