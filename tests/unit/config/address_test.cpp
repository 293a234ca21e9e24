// Addresses, networks and endpoints, as text.
#include "config/address.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

TEST(AddressTest, HostAndPortAreTakenApart) {
  const auto v4 = Address::parse("10.0.0.1:8000");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->host, "10.0.0.1");
  EXPECT_EQ(v4->port, 8000);
  const auto v6 = Address::parse("[::1]:0");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 0);
  EXPECT_EQ(Address::parse("localhost:1")->host, "127.0.0.1");
}

TEST(AddressTest, AnythingElseIsNoAddress) {
  for (const std::string_view bad : {"",
                                     ":",
                                     ":8000",
                                     "127.0.0.1",
                                     "127.0.0.1:",
                                     "127.0.0.1:x",
                                     "127.0.0.1:65536",
                                     "127.0.0.1:-1",
                                     "127.0.0.1:+1",
                                     "::1:8000",
                                     "[::1]",
                                     "[127.0.0.1]:1",
                                     "[localhost]:1",
                                     "example.org:80",
                                     "300.0.0.1:80",
                                     "127.1:80",
                                     " 127.0.0.1:80",
                                     "*:80",
                                     "[]:1",
                                     "[:1"}) {
    EXPECT_FALSE(Address::parse(bad)) << bad;
  }
  EXPECT_FALSE(Address::parse(std::string_view("127.0.0.1\0:1", 12)));
}

TEST(AddressTest, AUnixSocketIsAPathThatASocketCanHave) {
  EXPECT_EQ(unix_path("unix:/run/http.sock"), "/run/http.sock");
  EXPECT_TRUE(unix_path("unix:/" + std::string(106, 'x')));
  for (const std::string& bad : {std::string("unix:"), std::string("/run/http.sock"),
                                 std::string("unix:/a\nb"), "unix:/" + std::string(107, 'x')}) {
    EXPECT_FALSE(unix_path(bad)) << bad;
    EXPECT_FALSE(is_listen_address(bad)) << bad;
  }
}

TEST(AddressTest, OnlyWhatOthersReachGoesBeyondTheMachine) {
  EXPECT_TRUE(listens_beyond_machine("0.0.0.0:1"));
  EXPECT_TRUE(listens_beyond_machine("[::]:1"));
  for (const char* inside : {"localhost:1", "127.9.9.9:1", "[::1]:1", "unix:/run/http.sock"}) {
    EXPECT_TRUE(is_listen_address(inside)) << inside;
    EXPECT_FALSE(listens_beyond_machine(inside)) << inside;
  }
}

TEST(IpTest, AnIPv4AddressIsOneWhicheverWayItIsWritten) {
  EXPECT_EQ(parse_ip("1.2.3.4"), parse_ip("::ffff:1.2.3.4"));
  EXPECT_NE(parse_ip("1.2.3.4"), parse_ip("1.2.3.5"));
  for (const std::string_view text :
       {"", "1.2.3", "1.2.3.4:80", "[::1]", "localhost", "1.2.3.4 ", "::1%lo"})
    EXPECT_FALSE(parse_ip(text)) << text;
}

TEST(IpTest, LoopbackIsKnown) {
  EXPECT_TRUE(is_loopback_ip("127.9.9.9") && is_loopback_ip("::1"));
  EXPECT_FALSE(is_loopback_ip("128.0.0.1") || is_loopback_ip("::2") || is_loopback_ip("localhost"));
}

TEST(AddressTest, LoopbackIsKnown) {
  EXPECT_TRUE(Address::parse("127.255.0.9:1")->is_loopback());
  EXPECT_TRUE(Address::parse("[::1]:1")->is_loopback());
  EXPECT_TRUE(Address::parse("[::ffff:127.0.0.1]:1")->is_loopback());
  EXPECT_FALSE(Address::parse("0.0.0.0:1")->is_loopback());
  EXPECT_FALSE(Address::parse("[::]:1")->is_loopback());
  EXPECT_FALSE(Address::parse("128.0.0.1:1")->is_loopback());
}

TEST(NetworkTest, ContainsWhatItsBitsSay) {
  const auto ten = Network::parse("10.0.0.0/8");
  EXPECT_TRUE(ten->contains("10.255.1.2"));
  EXPECT_FALSE(ten->contains("11.0.0.0"));
  EXPECT_TRUE(ten->contains("::ffff:10.1.1.1"));
  EXPECT_FALSE(ten->contains("::10.1.1.1"));
  const auto odd = Network::parse("192.168.4.0/22");
  EXPECT_TRUE(odd->contains("192.168.7.255"));
  EXPECT_FALSE(odd->contains("192.168.8.0"));
  const auto v6 = Network::parse("2001:db8::/33");
  EXPECT_TRUE(v6->contains("2001:db8:7fff::1"));
  EXPECT_FALSE(v6->contains("2001:db8:8000::1"));
}

TEST(NetworkTest, OneAddressIsANetwork) {
  EXPECT_TRUE(Network::parse("10.0.0.1")->contains("10.0.0.1"));
  EXPECT_FALSE(Network::parse("10.0.0.1")->contains("10.0.0.2"));
  EXPECT_TRUE(Network::parse("::1/128")->contains("::1"));
}

TEST(NetworkTest, ZeroBitsAreTheWholeFamily) {
  EXPECT_TRUE(Network::parse("0.0.0.0/0")->contains("203.0.113.9"));
  EXPECT_FALSE(Network::parse("0.0.0.0/0")->contains("2001:db8::1"));
  EXPECT_TRUE(Network::parse("::/0")->contains("203.0.113.9"));
}

TEST(NetworkTest, AnythingElseIsNoNetwork) {
  for (const std::string_view bad :
       {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8",
        "10.0.0/8", "proxy", "[::1]", "127.0.0.1:80"}) {
    EXPECT_FALSE(Network::parse(bad)) << bad;
  }
  EXPECT_FALSE(Network::parse("10.0.0.0/8")->contains("not an address"));
}

TEST(EndpointTest, BindMayLeaveAddressAndPortOpen) {
  for (const std::string_view good :
       {"tcp://127.0.0.1:5556", "tcp://*:5556", "tcp://[::]:5556", "tcp://eth0:5556",
        "tcp://127.0.0.1:*", "tcp://127.0.0.1:0", "ipc:///run/zws.sock", "ipc://@abstract"}) {
    EXPECT_TRUE(is_endpoint(good, EndpointSide::bind)) << good;
  }
  EXPECT_FALSE(is_endpoint("tcp://*:5556", EndpointSide::connect));
  EXPECT_FALSE(is_endpoint("tcp://host:*", EndpointSide::connect));
  EXPECT_FALSE(is_endpoint("tcp://host:0", EndpointSide::connect));
  EXPECT_TRUE(is_endpoint("tcp://producer.example.org:5556", EndpointSide::connect));
}

TEST(EndpointTest, OtherTextIsNoEndpoint) {
  for (const std::string_view bad :
       {"", "tcp://", "ipc://", "tcp://:1", "tcp://host", "tcp://host:", "tcp://host:65536",
        "tcp://host:1/path", "tcp://a b:1", "tcp://::1:5556", "udp://host:1", "inproc://x",
        "127.0.0.1:5556", "TCP://host:1", "ipc://a\nb"}) {
    EXPECT_FALSE(is_endpoint(bad, EndpointSide::bind)) << bad;
  }
  EXPECT_FALSE(is_endpoint("ipc://" + std::string(108, 'x'), EndpointSide::bind));
}

TEST(EndpointTest, OnlyLoopbackAndIpcStayOnTheMachine) {
  for (const std::string_view inside :
       {"tcp://127.0.0.1:1", "tcp://[::1]:1", "tcp://localhost:1", "tcp://lo:1", "ipc:///tmp/x"}) {
    EXPECT_FALSE(reaches_beyond_machine(inside)) << inside;
  }
  for (const std::string_view outside :
       {"tcp://*:1", "tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://eth0:1", "tcp://10.0.0.1:1"}) {
    EXPECT_TRUE(reaches_beyond_machine(outside)) << outside;
  }
}

}  // namespace
}  // namespace zws
