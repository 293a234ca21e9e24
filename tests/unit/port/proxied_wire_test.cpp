// The wire behind a proxy: the header is taken and nothing behind it, and what was none is given back.
#include "port/proxied_wire.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

namespace zws {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ProxiedWireTest : public testing::Test {
 protected:
  ProxiedWireTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ours_ = ends[0];
    theirs_ = ends[1];
    open(true);
  }
  ~ProxiedWireTest() override {
    ::close(ours_);
    ::close(theirs_);
  }

  void open(bool trusted) {
    wire_ = std::make_unique<ProxiedWire>(std::make_unique<Wire>(ours_), trusted);
  }
  void send(std::string_view text) {
    EXPECT_EQ(::send(theirs_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  std::string read(std::size_t size = 100) {
    std::string text(size, '\0');
    const ssize_t got = wire_->read(text.data(), size);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }
  std::string answer() {
    std::string text(1000, '\0');
    const ssize_t got = ::recv(theirs_, text.data(), text.size(), MSG_DONTWAIT);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }

  int ours_ = -1;
  int theirs_ = -1;
  std::unique_ptr<ProxiedWire> wire_;
};

TEST_F(ProxiedWireTest, AHeaderInPiecesIsTakenAndNothingBehindIt) {
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::wants_read);
  for (const char* piece : {"P", "ROXY TCP4 203.0.113.7 127.0.0.1 1 2", "\r"}) {
    send(piece);
    EXPECT_EQ(wire_->handshake(), Wire::Handshake::wants_read);
    EXPECT_FALSE(wire_->buffered()) << "it would be asked again at once, for ever";
  }
  EXPECT_EQ(wire_->client(), "");
  send("\nGET / HTTP/1.1\r\n");
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::done);
  EXPECT_EQ(wire_->client(), "203.0.113.7");
  EXPECT_FALSE(wire_->buffered());
  EXPECT_EQ(read(), "GET / HTTP/1.1\r\n");
}

TEST_F(ProxiedWireTest, WhatOnlyBeganLikeAHeaderIsGivenBack) {
  send("PRO");
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::wants_read);
  send("PFIND / HTTP/1.1\r\n");
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::done);
  EXPECT_TRUE(wire_->buffered());
  EXPECT_EQ(read(2), "PR");
  EXPECT_EQ(read(2), "O");
  EXPECT_FALSE(wire_->buffered());
  EXPECT_EQ(read(), "PFIND / HTTP/1.1\r\n");
  EXPECT_EQ(wire_->client(), "");
}

TEST_F(ProxiedWireTest, AStrangerMayBeServedButSaysNothingOfOthers) {
  open(false);
  send("GET / HTTP/1.1\r\n");
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::done);
  EXPECT_EQ(read(), "GET / HTTP/1.1\r\n");
  open(false);
  send("PROXY TCP4 203.0.113.7 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\n");
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::refused);
  EXPECT_EQ(wire_->client(), "");
  EXPECT_THAT(wire_->handshake_fault(), HasSubstr("trusted_proxies"));
  EXPECT_THAT(answer(), StartsWith("HTTP/1.1 400 "));
}

TEST_F(ProxiedWireTest, ABadHeaderIsRefusedAndOneWithoutAnEndToo) {
  send("PROXY TCP4 nobody\r\n");
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::refused);
  EXPECT_THAT(answer(), StartsWith("HTTP/1.1 400 "));
  open(true);
  read(1000);
  for (int i = 0; i < 15; ++i) {
    send(i == 0 ? "PROXY UNKNOWN" : " 0123456");
    const Wire::Handshake step = wire_->handshake();
    if (step == Wire::Handshake::refused) return;
    EXPECT_EQ(step, Wire::Handshake::wants_read);
  }
  FAIL() << "it goes on for ever";
}

TEST_F(ProxiedWireTest, APeerThatLeavesHasNoFault) {
  send("PROXY ");
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::wants_read);
  ::shutdown(theirs_, SHUT_WR);
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::failed);
  EXPECT_EQ(wire_->handshake_fault(), "");
}

}  // namespace
}  // namespace zws
