// What ends a publisher's waiting: another thread's close, the time it was given, and a fork; and what
// it cannot begin without.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "unit/publisher/listener.hpp"
#include "zws/publisher.hpp"

namespace zws {
namespace {

using test::Listener;
using namespace std::chrono_literals;

constexpr auto deadline = 5s;

bool meet(Publisher& publisher, Listener& bridge) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!publisher.wait_ready(1ms)) {
    if (std::chrono::steady_clock::now() > end) return false;
    bridge.attend();
  }
  return true;
}

// A signal every millisecond to the thread that made this, for as long as it lives, or twice the deadline.
class Signals {
 public:
  Signals() : before_(std::signal(SIGUSR1, [](int) {})) {
    thread_ = std::thread([this, whom = ::pthread_self()] {
      const auto end = std::chrono::steady_clock::now() + 2 * deadline;
      std::unique_lock<std::mutex> lock(mutex_);
      while (!ended_.wait_for(lock, 1ms, [this] { return over_; })) {
        if ((late_ = std::chrono::steady_clock::now() > end)) return;
        ::pthread_kill(whom, SIGUSR1);
      }
    });
  }

  // False if it took so long that they had ended.
  bool outlast() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
    }
    ended_.notify_one();
    thread_.join();
    std::signal(SIGUSR1, before_);
    return !late_;
  }

 private:
  using Handler = void (*)(int);
  const Handler before_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
  bool late_ = false;
  std::thread thread_;
};

TEST(PublisherEndsTest, WhoWaitsForABridgeHearsThatThePublisherIsClosed) {
  Publisher publisher("tcp://127.0.0.1:1");
  auto ready = std::async(std::launch::async, [&] { return publisher.wait_ready(2 * deadline); });
  publisher.close(0ms);
  ASSERT_EQ(ready.wait_for(deadline), std::future_status::ready);
  EXPECT_FALSE(ready.get());
}

TEST(PublisherEndsTest, SignalsDoNotMakePublishWaitLongerThanFullWait) {
  Listener::Options slow;
  slow.hwm = 1;
  Listener bridge(slow);
  PublisherOptions options;
  options.queue_events = 1;
  options.full_wait = 1s;
  Publisher publisher(bridge.endpoint(), options);
  ASSERT_TRUE(meet(publisher, bridge));
  const std::string payload(1 << 20, 'x');

  Signals signals;
  Outcome outcome;
  do outcome = publisher.publish("a", payload);
  while (outcome == Outcome::sent);
  EXPECT_EQ(outcome, Outcome::queue_full);
  EXPECT_TRUE(signals.outlast());
}

TEST(PublisherEndsTest, InAForkedChildItIsClosedAndItsEndWaitsForNobody) {
  Listener bridge;
  auto publisher = std::make_unique<Publisher>(bridge.endpoint());
  ASSERT_TRUE(meet(*publisher, bridge));
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    const bool is_closed = publisher->publish("a", "child") == Outcome::closed &&
                           !publisher->wait_ready(deadline) && publisher->close(deadline);
    publisher.reset();
    ::_exit(is_closed ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(publisher->publish("a", "parent"), Outcome::sent);
  EXPECT_EQ(bridge.receive().value().at(1), "parent");
}

// Says on stderr how many could be made, with none to `most` descriptors left.
[[noreturn]] void make_with_few_descriptors(int most) {
  const rlimit few{64, 64};
  ::setrlimit(RLIMIT_NOFILE, &few);
  std::vector<int> taken;
  for (int one; (one = ::open("/dev/null", O_RDONLY)) >= 0;) taken.push_back(one);
  int made = 0;
  for (int left = 0; left <= most; ++left) {
    try {
      Publisher("tcp://127.0.0.1:1");
      ++made;
    } catch (const PublisherError& error) {
      if (std::string(error.what()).find("Too many open files") == std::string::npos) ::_exit(1);
    }
    ::close(taken.back());
    taken.pop_back();
  }
  ::_exit(made > 0 && made < most ? 0 : 2);
}

TEST(PublisherEndsTest, WithTooFewDescriptorsItCannotBeMadeAndTheProgramGoesOn) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // libzmq's threads need a process of their own
  EXPECT_EXIT(make_with_few_descriptors(40), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace zws
