// The life of a connection, over a real socket pair and the production transport.
#include "port/server.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/io_context.hpp>
#include <filesystem>
#include <iterator>
#include <thread>
#include <utility>

#include "client/access.hpp"
#include "client/wheel.hpp"
#include "support/events.hpp"
#include "support/short_memory.hpp"

namespace zws {
namespace {

constexpr std::size_t queue_bytes = 1024;
constexpr std::string_view upgrade =
    "GET /api/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
constexpr std::string_view ping = {"\x89\x80\0\0\0\0", 6};

class Listener final : public MessageHandler {
 public:
  void on_message(Session&, std::string_view, bool) override {}
  void on_timer(Session&, SteadyTime) override {}
  void on_loss(const Session&, std::string_view) noexcept override {}
  void on_leave(Session&) noexcept override { ++left; }
  int left = 0;
};

class ServerTest : public ::testing::Test {
 protected:
  virtual HttpHandler* http() { return nullptr; }
  virtual HttpPlaces* places() { return nullptr; }
  void SetUp() override {
    auto config = std::make_shared<Config>();
    config->limits.queue_bytes = queue_bytes;
    Server::Parts parts;
    parts.transport.loop = &loop_;
    parts.transport.rules = {config, &wheel_, &listener_, &metrics_.lane(0), &Clock::real()};
    parts.on_upgraded = [this](Session& session, const Upgrade&) {
      session_ = &session;
      session.open();
    };
    parts.on_gone = [this](Session& session) {
      EXPECT_EQ(&session, session_);
      session_ = nullptr;
      ++gone_;
    };
    parts.access = std::make_shared<const Access>(*config, true);
    parts.http = http();
    parts.places = places();
    server_ = std::make_unique<Server>(std::move(parts));
  }
  void TearDown() override {
    if (theirs_ >= 0) ::close(theirs_);
  }

  void connect() {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    const int small = 4096;
    ::setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    theirs_ = pair[1];
    server_->take(pair[0], "here");
    say(upgrade);
    read_all();
    ASSERT_NE(session_, nullptr);
  }
  void run() {
    loop_.restart();
    loop_.poll();
  }
  void say(std::string_view bytes) {
    ASSERT_EQ(::send(theirs_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    run();
  }
  void read_all() {
    char scrap[65'536];
    while (::recv(theirs_, scrap, sizeof scrap, 0) > 0) {
    }
  }
  void ask(const std::string& head) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    if (theirs_ >= 0) ::close(theirs_);
    theirs_ = pair[1];
    server_->take(pair[0], "here");
    say(head + "\r\n");
  }
  std::string read_some() {
    std::string all(65'536, ' ');
    all.resize(
        static_cast<std::size_t>(std::max<ssize_t>(0, ::recv(theirs_, all.data(), all.size(), 0))));
    return all;
  }
  void pass(SteadyTime::duration time) {
    wheel_.advance(now_ += time);
    run();
  }
  void deliver(std::size_t frame_bytes) {
    Made made{"t"};
    made.frame_bytes = frame_bytes;
    const EventPtr event = make_event(made);
    const EventPtr* place = &event;
    session_->outbox().deliver({&place, 1, event->frame()});
  }
  // Until nothing more is taken, answers of our own included.
  void fill(std::size_t frame_bytes) {
    while (session_->outbox().dropped() == 0) deliver(frame_bytes);
    while (!session_->outbox().at_bound()) session_->send_text("answer");
  }

  Metrics metrics_{1};
  Listener listener_;
  SteadyTime now_ = Clock::real().steady();
  Wheel wheel_{now_};
  asio::io_context loop_{1};
  std::unique_ptr<Server> server_;
  Session* session_ = nullptr;  // null: none, or gone
  int theirs_ = -1;
  int gone_ = 0;
};

// Its reading is paused at the bound, its queue is thrown away, and its close frame leaves at once: it
// waits for nothing, and only its owner keeps it.
class LaggardTest : public ServerTest, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(LaggardTest, WhoseQueueIsThrownAwayIsSeenToItsEnd) {
  connect();
  fill(GetParam());
  say(ping);
  say(ping);
  ASSERT_TRUE(session_->outbox().at_bound());
  read_all();
  session_->close(CloseCode::slow_consumer);
  run();
  EXPECT_EQ(gone_, 0) << "its half of the closing handshake has its time";
  pass(std::chrono::seconds{3});
  EXPECT_EQ(gone_, 1);
  EXPECT_EQ(listener_.left, 1);
  EXPECT_EQ(session_, nullptr);
}

TEST_P(LaggardTest, ThatAnswersTheCloseFrameIsHeardAtOnce) {
  connect();
  fill(GetParam());
  say(ping);
  read_all();
  session_->close(CloseCode::slow_consumer);
  say({"\x88\x82\0\0\0\0\x11\x3a", 8});
  read_all();
  run();
  EXPECT_EQ(gone_, 1);
}

INSTANTIATE_TEST_SUITE_P(FrameSizes, LaggardTest, ::testing::Range<std::size_t>(120, 240, 7));

TEST_F(ServerTest, WhoeverIsLeftAtTheEndIsToldOnce) {
  connect();
  server_->stop();
  run();
  EXPECT_EQ(gone_, 1);
  server_.reset();
  EXPECT_EQ(gone_, 1);
}

TEST_F(ServerTest, AConnectionThatNeverSpeaksEndsWithTheServer) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  theirs_ = pair[1];
  server_->take(pair[0], "here");
  run();
  server_.reset();
  run();
  char byte = 0;
  EXPECT_EQ(::recv(theirs_, &byte, 1, 0), 0) << "closed";
}

// What is dropped or replaced has not left yet only while little of it waits in the kernel.
TEST_F(ServerTest, TheKernelHoldsAsMuchUnsentAsTheConfigurationInForceSays) {
  auto config = std::make_shared<Config>();
  config->limits.unsent_bytes = 20'000;
  server_->reload(config, std::make_shared<const Access>(*config, true), nullptr);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof place;
  auto* const address = reinterpret_cast<sockaddr*>(&place);
  ASSERT_EQ(::bind(listener, address, size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, address, &size), 0);
  theirs_ = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::connect(theirs_, address, size), 0);
  const int ours = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
  ::close(listener);
  server_->take(ours, "here");
  int unsent = 0;
  size = sizeof unsent;
  ASSERT_EQ(::getsockopt(ours, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, &size), 0);
  EXPECT_EQ(unsent, 20'000);
}

TEST_F(ServerTest, ASocketForWhichThereIsNoMemoryIsClosed) {
  int failed = 0;
  for (std::size_t passed = 0; passed < 60; ++passed) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    bool taken = true;
    try {
      std::string address = "here";
      const ShortMemory memory(passed);
      server_->take(pair[0], std::move(address));
    } catch (const std::bad_alloc&) {
      taken = false;
    }
    server_->stop();  // it may have been held already
    run();
    char byte = 0;
    ASSERT_EQ(::recv(pair[1], &byte, 1, 0), 0) << passed;
    ::close(pair[1]);
    failed += taken ? 0 : 1;
  }
  EXPECT_GT(failed, 5);
}

// No exception leaves the loop, and the descriptor is closed.
TEST_F(ServerTest, WhoHangsUpWhileItIsNotReadAndMemoryIsShortEnds) {
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  std::ptrdiff_t loops = 0;  // what the loop has for itself
  for (std::size_t passed = 0; passed < 20; ++passed) {
    connect();
    fill(200);
    say(ping);
    say(ping);
    ASSERT_TRUE(session_->outbox().at_bound());
    ::close(std::exchange(theirs_, -1));
    {
      const ShortMemory memory(passed);
      EXPECT_NO_THROW(run()) << passed;
    }
    pass(std::chrono::seconds{3});
    if (passed == 0) loops = descriptors();
    EXPECT_EQ(descriptors(), loops) << passed;
  }
}

TEST_F(ServerTest, ACodeThatTheBridgeSentIsTheOneThatCounts) {
  const auto closed_by = [this](std::string_view bytes) {
    connect();
    say(bytes);
    ::close(theirs_);
    theirs_ = -1;
    run();
    for (std::size_t i = 0; i < counted_close_codes.size(); ++i) {
      Counter& count = metrics_.lane(0).closed[i];
      if (count.value() != 0) return count.set(0), counted_close_codes[i];
    }
    return std::uint16_t{0};
  };
  EXPECT_EQ(closed_by({"\x81\x01x", 3}), 1002) << "no mask";
  EXPECT_EQ(closed_by({"\x81\x81\0\0\0\0\xFF", 7}), 1007);
  EXPECT_EQ(closed_by({"\x81\xFF\0\0\0\0\0\x20\0\0\0\0\0\0", 14}), 1009) << "2 MiB are announced";
  EXPECT_EQ(closed_by({"\x88\x82\0\0\0\0\x03\xE9", 8}), 1001) << "the client's own";
  EXPECT_EQ(closed_by({}), 1006);
}

// --- deadlines that move with the bytes ----------------------------------------------------------

constexpr std::size_t last_words = 500'000;

class LastWordsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    connect();
    session_->send_text(std::string(last_words, 'x'));
    say({"\x88\x82\0\0\0\0\x03\xE9", 8});  // the answer to that waits behind
  }
  // At most `bytes` that come; how many did.
  std::size_t take(std::size_t bytes) {
    std::size_t all = 0;
    char scrap[4096];
    for (ssize_t size = 0; all < bytes && (size = ::recv(theirs_, scrap, sizeof scrap, 0)) > 0;) {
      all += static_cast<std::size_t>(size);
      run();
    }
    return all;
  }
};

TEST_F(LastWordsTest, WhoTakesThemSlowlyGetsThemAll) {
  std::size_t taken = take(200'000);  // worth twelve seconds
  pass(std::chrono::seconds{10});
  EXPECT_EQ(gone_, 1);
  taken += take(2 * last_words);
  EXPECT_GT(taken, last_words);
}

TEST_F(LastWordsTest, WhoTakesLessThanLittleIsCutOff) {
  std::size_t taken = take(20'000);
  pass(std::chrono::seconds{10});
  taken += take(2 * last_words);
  EXPECT_LT(taken, last_words);
}

// All that they took was worth half a minute, which is not for what comes behind.
TEST_F(LastWordsTest, WhoHasThemAllAndStaysIsLeftSoon) {
  EXPECT_GT(take(2 * last_words), last_words);
  EXPECT_EQ(::send(theirs_, "x", 1, MSG_NOSIGNAL), 1) << "it is read away for a moment";
  pass(std::chrono::seconds{3});
  EXPECT_EQ(::send(theirs_, "x", 1, MSG_NOSIGNAL), -1);
}

class UploadTest : public ServerTest, private HttpHandler {
 protected:
  HttpHandler* http() override { return this; }
  void handle(HttpRequest request, HttpReply reply) noexcept override {
    request.take_body([this, reply](std::string body) {
      received_ = body.size();
      reply(HttpResponse{});
    });
  }
  void begin(std::size_t bytes) {
    ask("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(bytes) + "\r\n");
  }
  void say_much(std::size_t bytes) {
    for (; bytes > 0; bytes -= std::min<std::size_t>(bytes, 10'000)) {
      say(std::string(std::min<std::size_t>(bytes, 10'000), 'x'));
      run();
    }
  }

  std::size_t received_ = 0;
};

TEST_F(UploadTest, AsLongAsItComesItHasTime) {
  begin(300'000);
  say_much(200'000);  // worth twelve seconds
  pass(std::chrono::seconds{10});
  say_much(100'000);
  EXPECT_EQ(received_, 300'000U);
  EXPECT_EQ(read_some().substr(0, 12), "HTTP/1.1 200");
}

TEST_F(UploadTest, ADripIsNotEnough) {
  begin(300'000);
  for (int i = 0; i < 4; ++i) {
    say("x");
    pass(std::chrono::seconds{1});
  }
  pass(std::chrono::seconds{2});
  EXPECT_EQ(read_some().substr(0, 12), "HTTP/1.1 408");
}

// --- answers that come from elsewhere --------------------------------------------------------------

class AnswerTest : public ServerTest, private HttpHandler {
 protected:
  HttpHandler* http() override { return this; }
  void handle(HttpRequest, HttpReply reply) noexcept override { reply_ = std::move(reply); }
  std::uint64_t counted() {
    std::uint64_t sum = 0;
    for (const Counter& count : metrics_.lane(0).http_responses) sum += count.value();
    return sum;
  }

  HttpReply reply_;
};

// What is a lane's is written by its thread alone: its counters, its connections.
TEST_F(AnswerTest, GivenOrForgottenByAnotherThreadItIsTheLanesToSendAndToCount) {
  metrics_.lane(0).begin_on_this_thread();
  for (const bool given : {true, false}) {
    SCOPED_TRACE(given);
    const std::uint64_t before = counted();
    ask("GET /x HTTP/1.1\r\nHost: localhost\r\n");
    ASSERT_TRUE(reply_);
    std::thread([reply = std::exchange(reply_, nullptr), given] {
      if (given) reply(HttpResponse{});
    }).join();
    EXPECT_EQ(counted(), before);
    EXPECT_EQ(read_some(), "");
    run();
    EXPECT_EQ(counted(), before + 1);
    EXPECT_EQ(read_some().substr(0, 12), given ? "HTTP/1.1 200" : "HTTP/1.1 500");
  }
}

// Answers that nobody fetches are held for their address, all connections of it together.
class HeldAnswerTest : public AnswerTest {
 protected:
  HttpPlaces* places() override { return &places_; }
  std::string answer_of(std::size_t bytes) {
    ask("GET /x HTTP/1.1\r\nHost: localhost\r\n");
    HttpResponse response;
    response.body.assign(bytes, 'x');
    std::exchange(reply_, nullptr)(std::move(response));
    run();
    return read_some().substr(0, 12);
  }
  std::uint64_t counted_as(std::uint16_t status) {
    for (std::size_t i = 0; i < counted_http_statuses.size(); ++i)
      if (counted_http_statuses[i] == status) return metrics_.lane(0).http_responses[i].value();
    return 0;
  }

 private:
  HttpPlaces places_;
};

TEST_F(HeldAnswerTest, WhatIsTooMuchIsRefusedAndCountedAsWhatWasSent) {
  constexpr std::size_t much = std::size_t{7} << 20;
  EXPECT_EQ(answer_of(much), "HTTP/1.1 200");
  const int first = std::exchange(theirs_, -1);
  EXPECT_EQ(answer_of(much), "HTTP/1.1 429");
  EXPECT_EQ(counted_as(200), 1U);
  EXPECT_EQ(counted_as(429), 1U);
  EXPECT_EQ(answer_of(100), "HTTP/1.1 200") << "a few lines have room";
  ::close(first);
  run();
  EXPECT_EQ(answer_of(much), "HTTP/1.1 200") << "when the first has gone";
}

// Clients that come and go while memory is short, with a place each.
class ShortOfMemoryTest : public ServerTest {
 protected:
  void SetUp() override {
    auto config = std::make_shared<Config>();
    Server::Parts parts;
    parts.transport.loop = &loop_;
    parts.transport.rules = {config, &wheel_, &listener_, &metrics_.lane(0), &Clock::real()};
    parts.admission = &admission_;
    parts.on_upgraded = [](Session& session, const Upgrade& brought) {
      session.place.address_counted = !brought.full_for_address;
      session.open();
    };
    parts.on_gone = [this](Session& session) {
      if (session.place.address_counted) admission_.leave("here");
    };
    parts.access = std::make_shared<const Access>(*config, true);
    server_ = std::make_unique<Server>(std::move(parts));
  }

  Admission admission_{LimitsConfig{}, 100};
};

TEST_F(ShortOfMemoryTest, EachPlaceIsGivenBackWhateverThereIsNoMemoryFor) {
  std::size_t refused = 0;
  for (std::size_t passed = 0; passed < 200; ++passed) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    theirs_ = pair[1];
    server_->take(pair[0], "here");
    ASSERT_EQ(::send(theirs_, upgrade.data(), upgrade.size(), 0),
              static_cast<ssize_t>(upgrade.size()));
    {
      const ShortMemory memory(passed);
      run();
    }
    refused += admission_.connections() == 0 ? 1 : 0;
    ::close(std::exchange(theirs_, -1));
    run();
    pass(std::chrono::seconds(6));
    ASSERT_EQ(admission_.connections(), 0U) << passed;
  }
  EXPECT_GT(refused, 5U);
  EXPECT_LT(refused, 200U);
}

}  // namespace
}  // namespace zws
