// What a proxy says before the first byte: both versions, in pieces, and what only looks like one.
#include "port/proxy_header.hpp"

#include <gmock/gmock.h>

namespace zws {
namespace {

using Kind = ProxyHeader::Kind;

std::string binary(unsigned command, unsigned family, const std::string& rest) {
  std::string text("\r\n\r\n\0\r\nQUIT\n", 12);
  text += static_cast<char>(command);
  text += static_cast<char>(family);
  text += static_cast<char>(rest.size() / 256);
  text += static_cast<char>(rest.size() % 256);
  return text + rest;
}

std::string from_ipv4() {
  return std::string("\xCB\x00\x71\x07\x7F\x00\x00\x01\x80\x00\x1F\x40", 12);
}

std::string from_ipv6() {
  std::string ip("\x20\x01\x0d\xb8", 4);
  ip.resize(16);
  return ip + std::string(15, '\0') + "\x01" + std::string("\x80\x00\x1F\x40", 4);
}

// Good as a whole, with what follows left alone; and nothing before its last byte.
void expect_good(const std::string& text, const std::string& address) {
  const ProxyHeader header = read_proxy_header(text + "GET / HTTP/1.1\r\n");
  EXPECT_EQ(header.kind, Kind::good) << text;
  EXPECT_EQ(header.bytes, text.size()) << text;
  EXPECT_EQ(header.address, address) << text;
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_EQ(read_proxy_header(std::string_view(text).substr(0, size)).kind, Kind::unfinished)
        << text << " cut at " << size;
}

TEST(ProxyHeaderTest, VersionOneIsALine) {
  expect_good("PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n", "203.0.113.7");
  expect_good("PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", "2001:db8::7");
  expect_good("PROXY TCP6 ::ffff:203.0.113.7 ::1 1 65535\r\n", "203.0.113.7");
}

TEST(ProxyHeaderTest, AProxyMaySpeakForItself) {
  expect_good("PROXY UNKNOWN\r\n", "");
  expect_good("PROXY UNKNOWN ffff:f 1 2 3\r\n", "");
  expect_good(binary(0x20, 0x00, ""), "");
  expect_good(binary(0x20, 0x11, from_ipv4()), "");
  expect_good(binary(0x21, 0x00, ""), "");
  expect_good(binary(0x21, 0x31, std::string(216, 'x')), "");
}

TEST(ProxyHeaderTest, VersionTwoIsBinaryAndMayHoldMoreThanWeRead) {
  expect_good(binary(0x21, 0x11, from_ipv4()), "203.0.113.7");
  expect_good(binary(0x21, 0x21, from_ipv6()), "2001:db8::");
  expect_good(binary(0x21, 0x11, from_ipv4() + std::string(4096 - 16 - 12, 't')), "203.0.113.7");
}

TEST(ProxyHeaderTest, WhatBeginsOtherwiseIsNone) {
  for (const char* text : {"GET / HTTP/1.1\r\n", "POST / HTTP/1.1", "PROPFIND", "\x16\x03\x01",
                           "\r\n\r\nGET", "proxy TCP4", "PROXYTCP4"})
    EXPECT_EQ(read_proxy_header(text).kind, Kind::none) << text;
}

TEST(ProxyHeaderTest, WhatIsNoAddressIsBad) {
  for (const char* text :
       {"PROXY TCP4 203.0.113.7 198.51.100.1 56324\r\n", "PROXY TCP4 203.0.113.7\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", "PROXY TCP6 203.0.113.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 1 65536\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 1 2 3\r\n",
        "PROXY TCP4  203.0.113.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 203.0.113.700 198.51.100.1 1 2\r\n", "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY \r\n"})
    EXPECT_EQ(read_proxy_header(text).kind, Kind::bad) << text;
  for (const std::string& text :
       {binary(0x11, 0x11, from_ipv4()), binary(0x22, 0x11, from_ipv4()),
        binary(0x21, 0x12, from_ipv4()), binary(0x21, 0x11, from_ipv4().substr(1)),
        binary(0x21, 0x21, from_ipv4())})
    EXPECT_EQ(read_proxy_header(text).kind, Kind::bad);
}

TEST(ProxyHeaderTest, ThereIsNoWaitingForAnEndThatIsTooFar) {
  EXPECT_EQ(read_proxy_header("PROXY UNKNOWN " + std::string(92, 'x')).kind, Kind::unfinished);
  EXPECT_EQ(read_proxy_header("PROXY UNKNOWN " + std::string(93, 'x')).kind, Kind::bad);
  EXPECT_EQ(read_proxy_header(binary(0x21, 0x11, std::string(4081, 'x')).substr(0, 16)).kind,
            Kind::bad);
}

}  // namespace
}  // namespace zws
