// The list of sources: made on the clerk's thread, a few topics at a time.
#include "api/source_calls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace zws {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SourceCallsTest : public testing::Test {
 protected:
  void publish(const std::string& topic, const std::string& source = "p", std::uint64_t seq = 1) {
    Arrival arrival;
    arrival.topic = topic;
    arrival.payload = "1";
    arrival.source = source;
    arrival.seq = seq;
    exchange_.accept(&arrival, 1);
  }

  // The sources in this order, by their topics.
  std::string topics_by(const std::string& order) {
    std::promise<std::string> done;
    clerk_.post([&] {
      ApiRequest request;
      request.http.query = "sort=" + order;
      calls_.list(request, [&](const HttpResponse& response) { done.set_value(response.body); });
    });
    const std::string body = done.get_future().get();
    constexpr std::string_view member = R"("topic":")";
    std::string found;
    for (std::size_t at = body.find(member); at != std::string::npos;
         at = body.find(member, at + 1))
      found += body[at + member.size()];
    return found;
  }

  Metrics metrics_{0};
  Exchange exchange_{std::make_shared<Config>(), metrics_};
  Clerk clerk_;
  SourceCalls calls_{clerk_, exchange_, metrics_};
};

TEST_F(SourceCallsTest, ManyTopicsAreWalkedOnTheClerksThreadWithOtherCallsInBetween) {
  for (int i = 0; i < 100; ++i) publish("t:" + std::to_string(i));
  std::promise<void> done;
  std::thread::id asked, answered;
  std::string body;
  bool other_done = false, other_was_done = false;
  clerk_.post([&] {
    asked = std::this_thread::get_id();
    ApiRequest request;
    request.http.query = "sort=src";
    calls_.list(request, [&](HttpResponse response) {
      answered = std::this_thread::get_id();
      body = std::move(response.body);
      other_was_done = other_done;
      done.set_value();
    });
    clerk_.post([&] { other_done = true; });
  });
  done.get_future().get();
  EXPECT_EQ(answered, asked);
  EXPECT_TRUE(other_was_done);
  EXPECT_THAT(body, AllOf(HasSubstr(R"("topic":"t:0")"), HasSubstr(R"("topic":"t:99")")));
}

TEST_F(SourceCallsTest, EachOrderIsByWhatItIsCalled) {
  publish("c", "m", 1);
  publish("b", "n", 1);
  publish("a", "z", 7);
  publish("b", "n", 9);
  publish("c", "m", 3);
  publish("a", "z", 8);
  EXPECT_EQ(topics_by("topic"), "abc");
  EXPECT_EQ(topics_by("src"), "cba");
  EXPECT_EQ(topics_by("seq"), "cab");
  EXPECT_EQ(topics_by("-missed"), "bca");
  EXPECT_EQ(topics_by("heard"), "bca");
  EXPECT_EQ(topics_by("-heard"), "acb");
}

TEST_F(SourceCallsTest, ALookIsAtFewTopics) {
  for (int i = 0; i < 80; ++i) publish("t:" + std::to_string(i));
  std::promise<void> done;
  std::size_t turns = 0;
  bool answered = false;
  // As the clerk goes from one to the next, this has its turn between each two looks.
  std::function<void()> count = [&] {
    if (answered) return done.set_value();
    ++turns;
    clerk_.post(count);
  };
  clerk_.post([&] {
    ApiRequest request;
    request.http.query = "sort=src";
    calls_.list(request, [&](const HttpResponse&) { answered = true; });
    clerk_.post(count);
  });
  done.get_future().get();
  EXPECT_EQ(turns, 10) << "of eight topics each, and one that finds no more";
}

}  // namespace
}  // namespace zws
