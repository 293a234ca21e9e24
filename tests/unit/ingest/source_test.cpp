// The producers' socket itself: what becomes of what waits in it.
#include "ingest/source.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <zmq.hpp>

#include "core/clock.hpp"

namespace zws {
namespace {

constexpr std::size_t events = 300;
constexpr std::size_t event_bytes = 2000;

class SourceTest : public ::testing::Test, public Sink {
 protected:
  SourceTest() { config_.ingest.bind = {endpoint_}; }

  void accept(const Arrival*, std::size_t count) noexcept override { taken_ += count; }

  // A producer that comes, sends and goes; returns when all of it waits in the bridge's socket.
  void produce(Source& source) {
    const SteadyTime until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    {
      zmq::context_t elsewhere;
      zmq::socket_t producer(elsewhere, zmq::socket_type::xpub);
      producer.connect(endpoint_);
      zmq::message_t subscription;
      while (!producer.recv(subscription, zmq::recv_flags::dontwait)) {
        ASSERT_LT(std::chrono::steady_clock::now(), until);
        source.drain();  // its socket greets who comes
      }
      for (std::size_t i = 0; i < events; ++i) {
        producer.send(zmq::str_buffer("a"), zmq::send_flags::sndmore);
        producer.send(zmq::buffer(std::string(event_bytes, 'x')));
      }
    }                                                      // waits until all has left
    while (metrics_.ingest.producers_lost.value() == 0) {  // its end is read behind all it sent
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      source.look();
    }
  }

  const std::string endpoint_ =
      "ipc://" + testing::TempDir() + "source-" + std::to_string(::getpid());
  Config config_;
  Metrics metrics_{1};
  std::size_t taken_ = 0;
};

TEST_F(SourceTest, WhatWaitsIsTakenBeforeAReloadMakesTheSocketAnew) {
  Source source(std::make_shared<Config>(config_), *this, metrics_);
  produce(source);
  ASSERT_EQ(taken_, 0U);
  config_.ingest.frame_bytes *= 2;
  std::atomic<bool> reloaded{false};
  std::thread main([&] {
    source.reload(std::make_shared<Config>(config_), {});
    reloaded = true;
  });
  bool made_anew = false;
  while (!reloaded) made_anew = source.look() || made_anew;
  main.join();
  EXPECT_TRUE(made_anew);
  EXPECT_EQ(taken_, events);
}

// Each of them stands for a megabyte: what sockets of the kernel hold beside the queue are one or two.
TEST_F(SourceTest, OfAProducerWaitsWhatIngestHwmSaysAndTheRestStaysWithIt) {
  constexpr std::size_t most = 16;
  config_.ingest.hwm = most;
  Source source(std::make_shared<Config>(config_), *this, metrics_);
  zmq::context_t elsewhere;
  zmq::socket_t producer(elsewhere, zmq::socket_type::xpub);
  producer.set(zmq::sockopt::xpub_nodrop, true);
  producer.set(zmq::sockopt::sndhwm, 1);
  producer.set(zmq::sockopt::linger, 0);
  producer.connect(endpoint_);
  zmq::message_t subscription;
  const SteadyTime until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!producer.recv(subscription, zmq::recv_flags::dontwait)) {
    ASSERT_LT(std::chrono::steady_clock::now(), until);
    source.drain();
  }
  const std::string payload(1'000'000, 'x');
  const auto sends = [&] {
    return producer.send(zmq::str_buffer("a"), zmq::send_flags::sndmore).has_value() &&
           producer.send(zmq::buffer(payload)).has_value();
  };
  producer.set(zmq::sockopt::sndtimeo, 20'000);
  for (std::size_t i = 0; i < most; ++i) ASSERT_TRUE(sends()) << i;
  producer.set(zmq::sockopt::sndtimeo,
               200);  // who has no room now has none before something is taken
  std::size_t more = 0;
  while (more < most && sends()) ++more;
  EXPECT_LT(more, most) << "nothing bounds what waits";
}

}  // namespace
}  // namespace zws
