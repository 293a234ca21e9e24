// The port itself: what becomes of it where a new socket cannot be had.
#include "ingest/repair_port.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "core/error.hpp"
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
