// Encrypted bytes over a real socket that fills up, with OpenSSL as the client.
#include "port/tls_wire.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <numeric>
#include <optional>

#include "client/outbox.hpp"
#include "port/tls.hpp"
#include "support/events.hpp"
#include "support/tls_client.hpp"

namespace zws {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class TlsWireTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    ours_ = pair[0];
    theirs_ = pair[1];
    const int small = 4096;
    ::setsockopt(ours_, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    static const CertificateFiles files;
    ServerConfig server;
    server.tls_cert = files.certificate();
    server.tls_key = files.key();
    wire_ = Tls::load(server, {})->wrap(ours_);  // the wire outlives it
    client_.emplace(theirs_, GetParam());
  }
  void TearDown() override {
    wire_.reset();
    client_.reset();
    ::close(ours_);
    if (theirs_ >= 0) ::close(theirs_);
  }

  void shake() {
    bool client_done = false;
    Wire::Handshake step = Wire::Handshake::wants_read;
    for (int i = 0; i < 100 && !(client_done && step == Wire::Handshake::done); ++i) {
      client_done = client_->shake();
      step = wire_->handshake();
      ASSERT_NE(step, Wire::Handshake::failed) << wire_->handshake_fault();
    }
    ASSERT_EQ(step, Wire::Handshake::done);
    client_->read_some();  // its ticket
  }
  void hang_up() {
    client_.reset();
    ::close(theirs_);
    theirs_ = -1;
  }
  // Writes 1 .. n numbered pieces until the socket is full; all that was taken.
  std::string fill() {
    std::string taken;
    for (int i = 0; wire_->held() == 0; ++i) {
      const std::string piece = "piece " + std::to_string(i) + std::string(700, '.');
      const ssize_t written = wire_->write(piece);
      EXPECT_EQ(written, static_cast<ssize_t>(piece.size())) << "a record is taken whole";
      taken += piece;
    }
    return taken;
  }
  // The client reads and the wire flushes until nothing is held.
  std::string drain() {
    std::string all = client_->read_some();
    while (wire_->held() != 0) {
      EXPECT_NE(wire_->flush(), Wire::broken);
      all += client_->read_some();
    }
    return all + client_->read_some();
  }
  std::string read_by_wire(std::size_t size) {
    std::string bytes(size, '\0');
    const ssize_t got = wire_->read(bytes.data(), size);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

  int ours_ = -1;
  int theirs_ = -1;
  std::unique_ptr<Wire> wire_;
  std::optional<TlsClient> client_;
};

INSTANTIATE_TEST_SUITE_P(Versions, TlsWireTest, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(TlsWireTest, BytesArriveBothWays) {
  shake();
  EXPECT_EQ(wire_->write("to the client"), 13);
  EXPECT_EQ(client_->read_some(), "to the client");
  client_->write("to the bridge");
  EXPECT_EQ(read_by_wire(100), "to the bridge");
  char byte = 0;
  EXPECT_EQ(wire_->read(&byte, 1), Wire::blocked);
  EXPECT_EQ(wire_->held(), 0U);
}

TEST_P(TlsWireTest, NothingIsTakenBeforeTheHandshakeIsOver) {
  EXPECT_EQ(wire_->write("too early"), Wire::broken);
}

TEST_P(TlsWireTest, WhatTheSocketDoesNotTakeIsHeldAndLeavesFirst) {
  shake();
  std::string expected = fill();
  const std::size_t held = wire_->held();
  EXPECT_LE(held, 1000U) << "the rest of one record";
  EXPECT_EQ(wire_->write("not yet"), Wire::blocked);
  EXPECT_EQ(wire_->held(), held) << "what was refused left nothing behind";
  EXPECT_EQ(wire_->flush(), Wire::blocked);
  EXPECT_EQ(drain(), expected);
  EXPECT_EQ(wire_->write("now"), 3);
  EXPECT_EQ(drain(), "now");
}

TEST_P(TlsWireTest, MuchIsTakenOneRecordAheadOfTheSocketAtMost) {
  shake();
  std::string much(1'000'000, '\0');
  std::iota(much.begin(), much.end(), '\0');
  std::string_view left = much;
  std::string read;
  while (!left.empty()) {
    const ssize_t taken = wire_->write(left);
    ASSERT_NE(taken, Wire::broken);
    if (taken > 0) left.remove_prefix(static_cast<std::size_t>(taken));
    EXPECT_LE(wire_->held(), 16'384U + 64);
    read += client_->read_some();
    wire_->flush();
  }
  EXPECT_EQ(read + drain(), much);
}

TEST_P(TlsWireTest, SmallPiecesShareARecordAndLargeOnesAreCut) {
  shake();
  const std::string small = "small";
  const std::string large(40'000, 'L');
  std::vector<iovec> pieces(20, {const_cast<char*>(small.data()), small.size()});
  EXPECT_EQ(wire_->write(pieces.data(), pieces.size()), 100);
  EXPECT_EQ(client_->read_once().size(), 100U) << "one record";
  pieces.insert(pieces.begin() + 3, {const_cast<char*>(large.data()), large.size()});
  std::string expected;
  for (const iovec& piece : pieces)
    expected.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  const ssize_t taken = wire_->write(pieces.data(), pieces.size());
  ASSERT_GT(taken, 0);
  EXPECT_EQ(drain(), expected.substr(0, static_cast<std::size_t>(taken)));
}

TEST_P(TlsWireTest, ItSaysWhenItHasBytesThatTheSocketNoLongerHas) {
  shake();
  EXPECT_FALSE(wire_->buffered());
  client_->write(std::string(1000, 'x'));
  EXPECT_EQ(read_by_wire(100).size(), 100U);
  EXPECT_TRUE(wire_->buffered());
  EXPECT_EQ(read_by_wire(2000).size(), 900U);
  EXPECT_FALSE(wire_->buffered());
}

TEST_P(TlsWireTest, TheEndIsToldOnBothSides) {
  shake();
  SSL_shutdown(client_->ssl());
  char byte = 0;
  EXPECT_EQ(wire_->read(&byte, 1), 0);
  EXPECT_EQ(wire_->write("half a close"), 12);
  wire_->shutdown();
  EXPECT_EQ(client_->read_some(), "half a close");
  EXPECT_TRUE(client_->at_end());
}

TEST_P(TlsWireTest, WhatComesAfterTheShutdownIsReadAway) {
  shake();
  client_->write("still talking");
  wire_->shutdown();
  EXPECT_GT(read_by_wire(100).size(), 13U) << "not even decrypted";
}

TEST_P(TlsWireTest, AnEndWithoutAWordIsABreak) {
  shake();
  hang_up();
  char byte = 0;
  EXPECT_EQ(wire_->read(&byte, 1), Wire::broken);
  EXPECT_EQ(wire_->write("x"), Wire::broken);
}

TEST_P(TlsWireTest, APeerThatLeavesInTheHandshakeHasNoFault) {
  client_->shake();
  wire_->handshake();
  hang_up();
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::failed);
  EXPECT_EQ(wire_->handshake_fault(), "");
}

TEST_P(TlsWireTest, GarbageIsAFaultWithAName) {
  ASSERT_EQ(::write(theirs_, "\x17\x03\x03\xFF\xFF garbage", 13), 13);
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::failed);
  EXPECT_NE(wire_->handshake_fault(), "");
}

TEST_P(TlsWireTest, APlainRequestIsToldWhatIsSpokenHere) {
  ASSERT_EQ(::write(theirs_, "GET / HTTP/1.1\r\n\r\n", 18), 18);
  EXPECT_EQ(wire_->handshake(), Wire::Handshake::failed);
  char answer[1000] = "";
  ASSERT_GT(::read(theirs_, answer, sizeof answer - 1), 0);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr("https://"));
}

TEST_P(TlsWireTest, AnOutboxOverItLosesAndDoublesNothingThatItSaysIsDelivered) {
  struct Owner final : Outbox::Owner {
    void on_blocked() noexcept override { ++blocked; }
    void on_drained() noexcept override { ++drained; }
    void on_broken() noexcept override { ++broken; }
    void on_loss(std::string_view) noexcept override {}
    void on_overflow() noexcept override {}
    int blocked = 0;
    int drained = 0;
    int broken = 0;
  };
  shake();
  Owner owner;
  LaneMetrics metrics;
  std::string expected;
  {
    Outbox outbox(owner, metrics, 20'000);
    outbox.open(wire_.get());
    const auto deliver = [&](const char* topic, std::uint64_t seq) {
      const EventPtr event = make_event({topic, seq, Overflow::drop_newest, 900});
      const EventPtr* place = &event;
      outbox.deliver({&place, 1, event->frame()});
      return std::string(event->frame());
    };
    for (std::uint64_t seq = 1; !outbox.waiting(); ++seq) expected += deliver("fill", seq);
    EXPECT_EQ(owner.blocked, 1);
    EXPECT_EQ(outbox.queued_bytes(), wire_->held()) << "all that waits is what is half out";
    EXPECT_EQ(metrics.queue_bytes.value(), outbox.queued_bytes());
    for (std::uint64_t seq = 1; seq <= 5; ++seq) deliver("dropped", seq);
    outbox.discard(DropReason::slow_consumer);
    EXPECT_TRUE(outbox.waiting()) << "an encrypted record cannot be taken back";
    for (std::uint64_t seq = 1; seq <= 5; ++seq) expected += deliver("later", seq);
    outbox.write("own frame");
    expected += "own frame";
    std::string read = client_->read_some();
    while (outbox.waiting()) {
      outbox.flush();
      read += client_->read_some();
    }
    EXPECT_EQ(read + client_->read_some(), expected);
    EXPECT_EQ(owner.drained, 1);
    EXPECT_EQ(owner.broken, 0);
    EXPECT_EQ(metrics.queue_bytes.value(), 0U);
    EXPECT_EQ(outbox.dropped(), 5U);
  }
}

class Tls13WireTest : public TlsWireTest {};
INSTANTIATE_TEST_SUITE_P(Version, Tls13WireTest, ::testing::Values(TLS1_3_VERSION));

TEST_P(Tls13WireTest, NewKeysInTheMiddleOfWhatIsHeldDisturbNothing) {
  shake();
  std::string expected = fill();
  ASSERT_EQ(SSL_key_update(client_->ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  client_->write("with a new key");
  std::string read;
  for (int i = 0; i < 3 && read.empty(); ++i) read = read_by_wire(100);
  EXPECT_EQ(read, "with a new key");
  EXPECT_EQ(drain(), expected);
  EXPECT_EQ(wire_->write("with ours"), 9);
  EXPECT_EQ(drain(), "with ours");
}

TEST_P(Tls13WireTest, RecordsWithoutDataDoNotKeepItInOneRead) {
  shake();
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(SSL_key_update(client_->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    client_->shake();
  }
  client_->write("at last");
  char buffer[100];
  int empty_reads = 0;
  while (empty_reads < 100 && wire_->read(buffer, sizeof buffer) == Wire::blocked) ++empty_reads;
  EXPECT_EQ(empty_reads, 5);
}

}  // namespace
}  // namespace zws
