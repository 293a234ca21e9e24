// The port itself: what becomes of it where a new socket cannot be had.
#include "ingest/repair_port.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "unit/ingest/repair_stage.hpp"

namespace zws {
namespace {

class RepairPortTest : public testing::Test, public RepairStage {
 protected:
  RepairPortTest() {
    context_.set(zmq::ctxopt::max_sockets, 8);
    config_.ingest.repair_bind = {endpoint_};
  }

  const std::string endpoint_ =
      "ipc://" + testing::TempDir() + "repair-port-" + std::to_string(::getpid());
  zmq::context_t context_;
  Config config_;
  CurveKeys keys_;
};

TEST_F(RepairPortTest, WithoutARoomForANewSocketTheOldOneGoesOn) {
  RepairPort port(context_, keys_, metrics, 10);
  port.bind(config_);
  const int descriptor = port.descriptor();
  std::vector<zmq::socket_t> others;
  EXPECT_THROW(for (;;) others.emplace_back(context_, zmq::socket_type::pair), zmq::error_t);
  EXPECT_THROW(port.reopen(config_), zmq::error_t);
  EXPECT_EQ(port.descriptor(), descriptor);
  EXPECT_NO_THROW(port.callers().look());
  others.clear();
  zmq::context_t elsewhere;
  zmq::socket_t publisher(elsewhere, zmq::socket_type::dealer);
  publisher.set(zmq::sockopt::linger, 0);
  publisher.set(zmq::sockopt::probe_router, true);
  publisher.connect(endpoint_);
  const SteadyTime until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (greeted().empty() && std::chrono::steady_clock::now() < until) port.drain(repair);
  EXPECT_EQ(greeted().size(), 1U);
}

}  // namespace
}  // namespace zws
