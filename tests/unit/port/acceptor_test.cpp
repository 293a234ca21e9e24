// What the acceptor hands on: sockets that do not wait to send, and addresses under their own names.
#include "port/acceptor.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/io_context.hpp>

#include "port/listeners.hpp"

namespace zws {
namespace {

// Connects from IPv4 loopback to the port that `listening` ends with.
int connect_to(const std::string& listening) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port =
      htons(static_cast<std::uint16_t>(std::stoul(listening.substr(listening.rfind(':') + 1))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return client;
}

class AcceptorTest : public testing::TestWithParam<const char*> {};

TEST_P(AcceptorTest, ASocketIsReadyForUseAndItsAddressIsTheClientsOwn) {
  const ListenAddress listening = listen_on({GetParam()}, 1).front();
  asio::io_context loop{1};
  int taken = -1;
  std::string from;
  Acceptor acceptor(loop, listening.descriptors.front(), [&](int descriptor, std::string address) {
    taken = descriptor;
    from = std::move(address);
  });
  acceptor.start();
  const int client = connect_to(listening.text);
  while (taken < 0) loop.run_one();
  EXPECT_EQ(from, "127.0.0.1");
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  ASSERT_EQ(::getsockopt(taken, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
  EXPECT_NE(no_delay, 0) << "a small event would wait for the last one's receipt";
  EXPECT_NE(::fcntl(taken, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(taken, F_GETFD) & FD_CLOEXEC, 0);
  ::close(taken);
  ::close(client);
}

// To a port for both families an IPv4 client comes as ::ffff:127.0.0.1.
INSTANTIATE_TEST_SUITE_P(Families, AcceptorTest, testing::Values("127.0.0.1:0", "[::]:0"));

}  // namespace
}  // namespace zws
