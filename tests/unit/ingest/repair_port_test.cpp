// The port itself: what becomes of it where a new socket cannot be had.
#include "ingest/repair_port.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "core/error.hpp"
#include "ingest/zmq_heap.hpp"
#include "unit/ingest/repair_stage.hpp"

namespace zws {
namespace {

class RepairPortTest : public testing::Test, public RepairStage {
 protected:
  RepairPortTest() {
    context_.set(zmq::ctxopt::max_sockets, 8);
    config_.ingest.repair_bind = {endpoint_};
    port_.bind(config_);
  }

  // A publisher that comes wakes whoever waits, and is greeted.
  void expect_it_goes_on() {
    EXPECT_NO_THROW(port_.callers().look());
    while (port_.drain(repair)) {
    }
    zmq::context_t elsewhere;
    zmq::socket_t publisher(elsewhere, zmq::socket_type::dealer);
    publisher.set(zmq::sockopt::linger, 0);
    publisher.set(zmq::sockopt::probe_router, true);
    publisher.connect(endpoint_);
    pollfd awaited{wakeup_.descriptor(), POLLIN, 0};
    const SteadyTime until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (greeted().empty() && std::chrono::steady_clock::now() < until) {
      ASSERT_EQ(::poll(&awaited, 1, 20'000), 1) << "nobody is woken";
      port_.callers().look();
      port_.drain(repair);
    }
    EXPECT_EQ(greeted().size(), 1U);
  }

  const std::string endpoint_ =
      "ipc://" + testing::TempDir() + "repair-port-" + std::to_string(::getpid());
  const bool heap_is_watched_ = zmq_heap::watch();  // before the context is made
  zmq::context_t context_;
  Config config_;
  CurveKeys keys_;
  Wakeup wakeup_;
  RepairPort port_{context_, keys_, metrics, 10, wakeup_};
};

TEST_F(RepairPortTest, WithoutARoomForANewSocketTheOldOneGoesOn) {
  std::vector<zmq::socket_t> others;
  EXPECT_THROW(for (;;) others.emplace_back(context_, zmq::socket_type::pair), zmq::error_t);
  EXPECT_THROW(port_.reopen(config_), zmq::error_t);
  others.clear();
  expect_it_goes_on();
}

TEST_F(RepairPortTest, APublisherThatHoldsNothingYetIsHeard) {
  zmq::context_t elsewhere;
  zmq::socket_t publisher(elsewhere, zmq::socket_type::dealer);
  publisher.set(zmq::sockopt::linger, 0);
  publisher.connect(endpoint_);
  for (const char* frame : {"have", "s", "t", "8"})
    publisher.send(zmq::buffer(std::string(frame)), zmq::send_flags::sndmore);
  publisher.send(zmq::str_buffer("7"), zmq::send_flags::none);
  const SteadyTime until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  pollfd awaited{wakeup_.descriptor(), POLLIN, 0};
  while (greeted().empty() && failed(RepairFailure::unasked) == 0 &&
         std::chrono::steady_clock::now() < until) {
    ::poll(&awaited, 1, 10);
    port_.callers().look();
    port_.drain(repair);
  }
  ASSERT_EQ(greeted().size(), 1U);
  const std::string& id = greeted().front();

  Sent sent = Sent::sent;
  for (int i = 0; i < 1'000'000 && sent == Sent::sent; ++i) sent = port_.nothing(id);
  EXPECT_EQ(sent, Sent::full) << "who does not read is there all the same";
}

TEST_F(RepairPortTest, WhoIsNotThereIsGoneAndMoreMayHaveComeMeanwhile) {
  while (port_.drain(repair)) {
  }
  EXPECT_FALSE(port_.touched());
  EXPECT_EQ(port_.hello("nobody"), Sent::gone);
  EXPECT_TRUE(port_.touched());
}

// It would count as held by producers for ever, and their socket be made anew again and again.
TEST_F(RepairPortTest, NothingIsHeldOfWhatHasBeenTaken) {
  ASSERT_TRUE(heap_is_watched_);
  const std::size_t before = zmq_heap::bytes();
  zmq::context_t elsewhere;
  zmq::socket_t publisher(elsewhere, zmq::socket_type::dealer);
  publisher.set(zmq::sockopt::linger, 0);
  publisher.connect(endpoint_);
  const std::string frame(100'000, 'x');
  publisher.send(zmq::str_buffer("have"), zmq::send_flags::sndmore);
  for (int left = 100; left > 0; --left)
    publisher.send(zmq::buffer(frame), left > 1 ? zmq::send_flags::sndmore : zmq::send_flags::none);
  const SteadyTime until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  pollfd awaited{wakeup_.descriptor(), POLLIN, 0};
  while (failed(RepairFailure::unasked) == 0 && std::chrono::steady_clock::now() < until) {
    ::poll(&awaited, 1, 10);
    port_.callers().look();
    port_.drain(repair);
  }
  ASSERT_EQ(failed(RepairFailure::unasked), 1U);
  EXPECT_LT(zmq_heap::bytes(), before + (std::size_t{1} << 20));
}

TEST_F(RepairPortTest, WhereTheNewSocketCannotBeWaitedForTheOldOneGoesOn) {
  const int kept = ::dup(wakeup_.descriptor());
  const int other = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(other, wakeup_.descriptor());
  EXPECT_THROW(port_.reopen(config_), StartupError);
  ::dup2(kept, wakeup_.descriptor());
  ::close(kept);
  ::close(other);
  expect_it_goes_on();
}

}  // namespace
}  // namespace zws
