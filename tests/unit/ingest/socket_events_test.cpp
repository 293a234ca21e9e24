// What libzmq tells of connections, while nobody asks.
#include "ingest/socket_events.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

namespace zws {
namespace {

class SocketEventsTest : public testing::Test {
 protected:
  SocketEventsTest() {
    port_.bind("tcp://127.0.0.1:*");
    const std::string endpoint = port_.get(zmq::sockopt::last_endpoint);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address_.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
  }

  // True when libzmq has taken it.
  bool come_and_go() const {
    const int stranger = ::socket(AF_INET, SOCK_STREAM, 0);
    timeval most{};
    most.tv_sec = 10;
    ::setsockopt(stranger, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    char byte = 0;
    const bool taken =
        ::connect(stranger, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0 &&
        ::recv(stranger, &byte, 1, 0) == 1;
    ::close(stranger);
    return taken;
  }
  bool all_come_and_go(int strangers) const {
    for (int i = 0; i < strangers; ++i)
      if (!come_and_go()) return false;
    return true;
  }

  zmq::context_t context_;
  zmq::socket_t port_{context_, zmq::socket_type::router};
  std::unique_ptr<SocketEvents> events_ =
      std::make_unique<SocketEvents>(context_, port_, ZMQ_EVENT_ALL);
  sockaddr_in address_{};
};

// libzmq's thread would hold the lock which the end of them needs, for ever.
TEST_F(SocketEventsTest, NobodyWaitsForThemToBeTaken) {
  constexpr int strangers = 1200;  // of two events or three, where there are 2,000 places as a rule
  EXPECT_TRUE(all_come_and_go(strangers));
  int accepted = 0;
  for (SocketEvent event; accepted < strangers && events_->next(event);)
    if (event.number == ZMQ_EVENT_ACCEPTED) ++accepted;
  EXPECT_EQ(accepted, strangers);
}

TEST_F(SocketEventsTest, TheyEndThoughNobodyHasTakenThem) {
  ASSERT_TRUE(all_come_and_go(500));
  events_.reset();
  EXPECT_TRUE(come_and_go()) << "the port goes on";
}

}  // namespace
}  // namespace zws
