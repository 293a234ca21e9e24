// The link against a peer that says what the test tells it to.
#include "relay/redis_link.hpp"

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include "unit/relay/peer.hpp"

namespace zws {
namespace {

constexpr std::chrono::seconds deadline{30};

class RedisLinkTest : public testing::Test {
 protected:
  RedisLink::Options quick() {
    RedisLink::Options options;
    options.ping = std::chrono::milliseconds(20);
    options.silence = std::chrono::milliseconds(200);
    options.retry_first = std::chrono::milliseconds(4);
    options.retry_max = std::chrono::milliseconds(20);
    return options;
  }

  // One that asks for no sign of life while the test looks at what else it says.
  RedisLink::Options patient() {
    RedisLink::Options options = quick();
    options.ping = options.silence = std::chrono::minutes(10);
    return options;
  }

  void link_with(RedisLink::Options options, const std::string& who = "",
                 const std::string& db = "") {
    RedisUrl url = RedisUrl::parse("redis://" + who + "127.0.0.1:" + peer_.port() + db);
    link_ = std::make_unique<RedisLink>(
        loop_, url,
        RedisLink::Handlers{[this] { ++ups_; },
                            [this](const std::string& reason) {
                              downs_.push_back(reason);
                              if (fails_) throw std::runtime_error("a handler failed");
                            },
                            [this](const redisReply& message) {
                              pushed_.emplace_back(message.element[2]->str,
                                                   message.element[2]->len);
                            }},
        options);
    link_->start();
  }

  void wait(const std::function<bool()>& true_at_last) {
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (!true_at_last()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      loop_.run_one_for(std::chrono::milliseconds(10));
    }
  }

  void come_up() {
    wait([&] { return peer_.heard("INFO"); });
    peer_.say(info);
    wait([&] { return link_->up(); });
    peer_.got.clear();
  }

  // What the answer is written to; "broke" where none came.
  RedisLink::Done note() {
    return [this](const redisReply* answer) {
      answers_.push_back(answer == nullptr ? "broke" : std::string(answer->str, answer->len));
    };
  }

  asio::io_context loop_;
  Peer peer_{loop_};
  int ups_ = 0;
  bool fails_ = false;  // the handler that is told that it is down
  std::vector<std::string> downs_;
  std::vector<std::string> pushed_;
  std::vector<std::string> answers_;
  std::unique_ptr<RedisLink> link_;  // goes first
};

TEST_F(RedisLinkTest, SignsInAndSelectsBeforeItIsUp) {
  link_with(patient(), "ada:secret@", "/3");
  wait([&] { return peer_.heard("INFO"); });
  EXPECT_TRUE(peer_.heard("*3\r\n$4\r\nAUTH\r\n$3\r\nada\r\n$6\r\nsecret\r\n"));
  EXPECT_TRUE(peer_.heard("*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"));
  EXPECT_FALSE(link_->up());
  EXPECT_FALSE(link_->send({"GET", "x"}, note())) << "nothing is sent before it is up";
  peer_.say("+OK\r\n+OK\r\n");
  peer_.say(info);
  wait([&] { return ups_ == 1; });
  EXPECT_EQ(link_->version(), "7.0.15");
}

TEST_F(RedisLinkTest, AnswersComeToTheirCommandsInOrderHoweverTheyAreCut) {
  link_with(patient());
  come_up();
  EXPECT_TRUE(link_->send({"GET", std::string("a\0b", 3)}, note()));
  EXPECT_TRUE(link_->send({"GET", "c"}, note()));
  EXPECT_TRUE(link_->send({"GET", "d"}, note()));
  EXPECT_GT(link_->waiting_bytes(), 60U);
  wait([&] { return peer_.heard("$1\r\nd\r\n"); });
  EXPECT_TRUE(peer_.heard(std::string("$3\r\na\0b\r\n", 9)));
  for (const char c : std::string("$3\r\none\r\n-ERR two\r\n+three\r\n")) {
    peer_.say(std::string(1, c));
    loop_.poll();
  }
  wait([&] { return answers_.size() == 3; });
  EXPECT_EQ(answers_, (std::vector<std::string>{"one", "ERR two", "three"}));
  EXPECT_EQ(link_->waiting_bytes(), 0U);
}

TEST_F(RedisLinkTest, WhatWasSentIsAnsweredOnceWhenTheConnectionBreaks) {
  link_with(patient());
  come_up();
  link_->send({"GET", "a"}, note());
  link_->send({"GET", "b"}, note());
  wait([&] { return peer_.heard("$1\r\nb"); });
  peer_.say("$1\r\n1\r\n");
  peer_.hang_up();
  wait([&] { return downs_.size() == 1; });
  EXPECT_EQ(answers_, (std::vector<std::string>{"1", "broke"}));
  EXPECT_EQ(link_->waiting_bytes(), 0U) << "or the next connection has no room for it";
  wait([&] { return peer_.connections == 2; });
  come_up();
  EXPECT_EQ(ups_, 2);
}

TEST_F(RedisLinkTest, HowOftenItBrokeBeforeItWasUpIsForgotten) {
  RedisLink::Options options = patient();
  options.retry_first = std::chrono::milliseconds(100);
  options.retry_max = std::chrono::hours(1);
  link_with(options);
  for (int i = 1; i <= 12; ++i) {
    wait([&] { return peer_.connections == i; });
    if (HasFatalFailure()) return;
    come_up();
    peer_.hang_up();
  }
}

TEST_F(RedisLinkTest, APeerThatSaysNothingIsAway) {
  link_with(quick());
  come_up();
  wait([&] { return peer_.heard("PING"); });
  wait([&] { return !downs_.empty(); });
  ASSERT_FALSE(downs_.empty());
  EXPECT_EQ(downs_.front(), "it does not answer");
}

TEST_F(RedisLinkTest, AHandlerThatFailsDoesNotStopTheClock) {
  link_with(quick());
  come_up();
  fails_ = true;
  EXPECT_THROW(wait([&] { return !downs_.empty(); }), std::runtime_error);
  fails_ = false;
  wait([&] { return peer_.connections == 2; });
  come_up();
}

TEST_F(RedisLinkTest, APeerThatAnswersSignsOfLifeStaysUp) {
  RedisLink::Options options = quick();
  options.silence = std::chrono::seconds(1);  // longer than this test may stand still
  link_with(options);
  come_up();
  const auto until = std::chrono::steady_clock::now() + 2 * options.silence;
  while (std::chrono::steady_clock::now() < until) {
    wait([&] { return peer_.heard("PING"); });
    peer_.got.clear();
    peer_.say("+PONG\r\n");
  }
  EXPECT_TRUE(downs_.empty());
}

TEST_F(RedisLinkTest, ItsQueueIsBoundedInBytesThatAreNotAnswered) {
  RedisLink::Options options = patient();
  options.queue_bytes = 1000;
  link_with(options);
  come_up();
  EXPECT_TRUE(link_->send({"SET", "a", std::string(2000, 'x')}, note()))
      << "an empty queue takes anything";
  EXPECT_FALSE(link_->send({"GET", "a"}, note()));
  wait([&] { return peer_.got.size() > 2000; });
  EXPECT_FALSE(link_->send({"GET", "a"}, note())) << "that it has left is no answer";
  peer_.say("+OK\r\n");
  wait([&] { return answers_.size() == 1; });
  EXPECT_TRUE(link_->send({"GET", "a"}, note()));
}

TEST_F(RedisLinkTest, MessagesOfChannelsAreNoAnswers) {
  link_with(patient());
  come_up();
  link_->send({"SUBSCRIBE", "calls"},
              [this](const redisReply* answer) { answers_.emplace_back(answer->element[0]->str); });
  peer_.say("*3\r\n$9\r\nsubscribe\r\n$5\r\ncalls\r\n:1\r\n");
  peer_.say("*3\r\n$7\r\nmessage\r\n$5\r\ncalls\r\n$2\r\nhi\r\n");
  wait([&] { return !pushed_.empty(); });
  EXPECT_EQ(answers_, std::vector<std::string>{"subscribe"});
  EXPECT_EQ(pushed_, std::vector<std::string>{"hi"});
}

TEST_F(RedisLinkTest, AnOldServerIsNeverUp) {
  link_with(patient());
  wait([&] { return peer_.heard("INFO"); });
  peer_.say("$21\r\nredis_version:4.0.9\r\n\r\n");
  wait([&] { return !downs_.empty(); });
  ASSERT_FALSE(downs_.empty());
  EXPECT_EQ(downs_.front(), "Redis is 4.0.9, and 5 or later is needed");
  EXPECT_TRUE(link_->too_old());
  EXPECT_EQ(ups_, 0);
}

TEST_F(RedisLinkTest, AServerThatHasBecomeAReplicaIsLeftForWhereTheNameLeadsNow) {
  link_with(patient());
  come_up();
  link_->send({"SET", "a", "1"}, note());
  link_->send({"SET", "b", "2"}, note());
  peer_.say("-READONLY You can't write against a read only replica.\r\n");
  wait([&] { return peer_.connections == 2; });
  EXPECT_EQ(answers_[0], "READONLY You can't write against a read only replica.");
  EXPECT_EQ(answers_[1], "broke");
  ASSERT_EQ(downs_.size(), 1U);
  EXPECT_EQ(downs_[0], "Redis answers: " + answers_[0]);
  come_up();
}

TEST_F(RedisLinkTest, AReplicaIsNeverUp) {
  link_with(patient());
  for (const int writable : {0, 1}) {
    const std::string told =
        "redis_version:7.0.15\r\nrole:slave\r\nslave_read_only:" + std::to_string(1 - writable) +
        "\r\n";
    wait([&] { return peer_.connections == writable + 1 && peer_.heard("INFO"); });
    peer_.say("$" + std::to_string(told.size()) + "\r\n" + told + "\r\n");
    wait([&] { return downs_.size() + ups_ == static_cast<std::size_t>(writable) + 1; });
    EXPECT_EQ(ups_, writable);
  }
  EXPECT_EQ(downs_, std::vector<std::string>{"Redis is a replica, which takes no writes"});
}

TEST_F(RedisLinkTest, WhoMayNotAskForTheVersionIsLetIn) {
  link_with(patient());
  wait([&] { return peer_.heard("INFO"); });
  peer_.say("-NOPERM this user has no permissions to run the 'info' command\r\n");
  wait([&] { return link_->up(); });
}

TEST_F(RedisLinkTest, AWrongPasswordIsSaidAndTriedAgain) {
  link_with(patient(), ":guess@");
  for (int i = 1; i <= 3; ++i) {
    wait([&] { return peer_.connections == i && peer_.heard("INFO"); });
    peer_.say("-WRONGPASS invalid username-password pair\r\n-NOAUTH Authentication required.\r\n");
    wait([&] { return downs_.size() == static_cast<std::size_t>(i); });
  }
  ASSERT_FALSE(downs_.empty());
  EXPECT_EQ(downs_.front(), "Redis answers: WRONGPASS invalid username-password pair");
  EXPECT_EQ(ups_, 0);
}

TEST_F(RedisLinkTest, AWrongPasswordIsNotMadeGoodByWhatEverybodyMayAsk) {
  link_with(patient(), ":guess@");
  wait([&] { return peer_.heard("INFO"); });
  peer_.say("-WRONGPASS invalid username-password pair\r\n" + std::string(info));
  wait([&] { return !downs_.empty(); });
  EXPECT_EQ(ups_, 0);
}

TEST_F(RedisLinkTest, WhatIsNoRedisIsGivenUp) {
  for (const char* said : {"HTTP/1.1 400 Bad Request\r\n\r\n", "\x15\x03\x01", ":x\r\n", "*-7\r\n",
                           "+OK\r\n+OK\r\n"}) {
    downs_.clear();
    ups_ = 0;
    peer_.connections = 0;
    link_with(patient());
    wait([&] { return peer_.connections == 1 && peer_.heard("INFO"); });
    peer_.say(said);
    peer_.say("\r\n");
    wait([&] { return !downs_.empty(); });
  }
}

TEST_F(RedisLinkTest, AnAnswerWithoutEndIsGivenUp) {
  RedisLink::Options options = patient();
  options.answer_bytes = 100'000;
  link_with(options);
  come_up();
  link_->send({"GET", "a"}, note());
  peer_.say("$2000000\r\n");
  peer_.say(std::string(150'000, 'x'));
  wait([&] { return !downs_.empty(); });
  ASSERT_FALSE(downs_.empty());
  EXPECT_EQ(downs_.front(), "an answer is longer than the bridge takes");
  EXPECT_EQ(answers_, std::vector<std::string>{"broke"});
}

TEST_F(RedisLinkTest, NobodyIsCalledAfterItWasStopped) {
  link_with(patient());
  come_up();
  link_->send({"GET", "a"}, note());
  link_->reconnect("for no reason");
  link_.reset();
  loop_.run_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(answers_.empty());
  EXPECT_TRUE(downs_.empty());
}

}  // namespace
}  // namespace zws
