#include "bench/publisher.hpp"

#include <sys/prctl.h>
#include <zmq.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "bench/swarm.hpp"
#include "failure.hpp"

namespace zws::tool {
namespace {

constexpr int patience_ms = 5000;

void set(void* socket, int option, int value) {
  ::zmq_setsockopt(socket, option, &value, sizeof value);
}

// Closes both on the way out of a constructor that throws.
struct Sockets {
  void* context;
  void* socket;
  bool kept = false;
  ~Sockets() {
    if (kept) return;
    set(socket, ZMQ_LINGER, 0);
    ::zmq_close(socket);
    ::zmq_ctx_term(context);
  }
};

void sleep_until(std::int64_t monotonic) noexcept {
  const timespec time{monotonic / 1'000'000'000, monotonic % 1'000'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
}

}  // namespace

BenchPublisher::BenchPublisher(const Load& load, const BenchTopics& topics, Window& window,
                               std::int64_t origin_ns)
    : load_(load), topics_(topics), window_(window), origin_ns_(origin_ns), payload_(load.size) {
  context_ = ::zmq_ctx_new();
  socket_ = ::zmq_socket(context_, ZMQ_XPUB);
  Sockets sockets{context_, socket_};
  set(socket_, ZMQ_XPUB_NODROP, 1);
  set(socket_, ZMQ_SNDHWM, 10'000);
  set(socket_, ZMQ_SNDTIMEO, 100);
  set(socket_, ZMQ_LINGER, 1000);
  if (::zmq_connect(socket_, load.publish.c_str()) != 0) {
    throw Failure(Exit::usage, "--publish " + load.publish + ": " + zmq_strerror(zmq_errno()));
  }
  zmq_pollitem_t item{socket_, 0, ZMQ_POLLIN, 0};
  char subscription[256];
  if (::zmq_poll(&item, 1, patience_ms) <= 0 ||
      ::zmq_recv(socket_, subscription, sizeof subscription, 0) < 1 || subscription[0] != 1) {
    throw Failure(Exit::cannot_connect,
                  "--publish " + load.publish + ": no bridge subscribed within 5 s");
  }
  sockets.kept = true;
}

BenchPublisher::~BenchPublisher() {
  stopping_ = true;
  window_.close();
  if (thread_.joinable()) thread_.join();
  ::zmq_close(socket_);
  ::zmq_ctx_term(context_);
}

std::int64_t BenchPublisher::now() const noexcept { return monotonic_ns() - origin_ns_; }

void BenchPublisher::start(double seconds) {
  latest_ns_ = 0;
  stopping_ = false;
  sending_ = true;
  window_.open();
  thread_ = std::thread([this, seconds] {
    ::prctl(PR_SET_TIMERSLACK, 1);  // nanosecond: the default of 50 us would be lateness
    load_.rate > 0 ? keep_rate(seconds) : fill_window(seconds);
    sending_.store(false, std::memory_order_release);
  });
}

void BenchPublisher::stop() {
  stopping_ = true;
  window_.close();
  if (thread_.joinable()) thread_.join();
  if (!error_.empty()) throw Failure(Exit::failed, "--publish " + load_.publish + ": " + error_);
}

void BenchPublisher::keep_rate(double seconds) {
  const auto burst =
      load_.burst != 0 ? load_.burst
                       : static_cast<std::uint32_t>(std::max(1.0, std::round(load_.rate * 200e-6)));
  const double interval_ns = 1e9 * burst / load_.rate;
  const auto ticks = static_cast<std::uint64_t>(std::ceil(seconds * load_.rate / burst));
  const std::int64_t begin = now();
  for (std::uint64_t tick = 0; tick < ticks && !stopping_; ++tick) {
    const std::int64_t due =
        begin + static_cast<std::int64_t>(static_cast<double>(tick) * interval_ns);
    if (now() < due) sleep_until(due + origin_ns_);
    for (std::uint32_t i = 0; i < burst; ++i) {
      if (!send(due)) return;
    }
    latest_ns_ = std::max(latest_ns_, now() - due);
  }
}

void BenchPublisher::fill_window(double seconds) {
  const std::int64_t end = now() + static_cast<std::int64_t>(seconds * 1e9);
  std::uint64_t owed = topics_.followers_of(next_.topic);
  while (window_.wait_for(owed)) {
    const std::int64_t due = now();
    if (due >= end || !send(due)) return;
    owed += topics_.followers_of(next_.topic);
  }
}

bool BenchPublisher::send(std::int64_t due_ns) {
  next_.due_ns = due_ns;
  if (!send_part(topics_.name(next_.topic), ZMQ_SNDMORE) || !send_part(payload_.with(next_), 0)) {
    return false;
  }
  ++sent_;
  if (++next_.topic == topics_.count()) {
    next_.topic = 0;
    ++next_.number;
  }
  return true;
}

// Blocks while ZeroMQ's queue is full; false: it was told to stop, or ZeroMQ refused.
bool BenchPublisher::send_part(std::string_view part, int flags) {
  while (::zmq_send(socket_, part.data(), part.size(), flags) < 0) {
    if (zmq_errno() != EAGAIN && zmq_errno() != EINTR) error_ = zmq_strerror(zmq_errno());
    if (stopping_ || !error_.empty()) return false;
  }
  return true;
}

std::vector<std::uint32_t> BenchPublisher::sent_by_topic() const {
  std::vector<std::uint32_t> sent(topics_.count(), next_.number);
  std::fill_n(sent.begin(), next_.topic, next_.number + 1);
  return sent;
}

}  // namespace zws::tool
