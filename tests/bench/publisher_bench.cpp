// How many events a second zws::Publisher hands over: 200 bytes of JSON on 100 topics, to a SUB
// socket in another process that takes them all. Prints one JSON object per way of publishing.
//
//   publisher_bench [EVENTS]
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>
#include <zws/publisher.hpp>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t warm_up = 100'000;  // events, until all memory is in use that is kept

double cpu_seconds(clockid_t whose) {
  timespec time{};
  clock_gettime(whose, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Counts whole messages until one on the topic "end"; exits with 0 if `expected` came.
[[noreturn]] void sink(int port_pipe, std::uint64_t expected) {
  void* context = zmq_ctx_new();
  void* socket = zmq_socket(context, ZMQ_SUB);
  const int unbounded = 0;
  zmq_setsockopt(socket, ZMQ_RCVHWM, &unbounded, sizeof unbounded);
  zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
  zmq_bind(socket, "tcp://127.0.0.1:*");
  char endpoint[64] = {};
  std::size_t size = sizeof endpoint;
  zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size);
  if (write(port_pipe, endpoint, sizeof endpoint) != static_cast<ssize_t>(sizeof endpoint))
    _exit(2);

  zmq_msg_t part;
  zmq_msg_init(&part);
  for (std::uint64_t received = 0;; ++received) {
    zmq_msg_recv(&part, socket, 0);
    const bool end = zmq_msg_size(&part) == 3 && std::memcmp(zmq_msg_data(&part), "end", 3) == 0;
    while (zmq_msg_more(&part)) zmq_msg_recv(&part, socket, 0);
    if (end) _exit(received == expected ? 0 : 1);
  }
}

void bench(const char* name, zws::PublisherOptions options, std::uint64_t events) {
  int port_pipe[2];
  if (pipe(port_pipe) != 0) std::abort();
  const pid_t child = fork();
  if (child == 0) sink(port_pipe[1], warm_up + events);
  char endpoint[64] = {};
  if (read(port_pipe[0], endpoint, sizeof endpoint) != static_cast<ssize_t>(sizeof endpoint))
    std::abort();

  options.full_wait = std::chrono::seconds(10);  // so that none is dropped and all are counted
  options.linger = std::chrono::seconds(10);
  zws::Publisher publisher(endpoint, options);
  if (!publisher.wait_ready(std::chrono::seconds(5))) std::abort();

  std::vector<std::string> topics;
  for (int i = 0; i < 100; ++i) topics.push_back("bench:" + std::to_string(i));
  std::string payload = R"({"type":"bench","text":")";
  payload += std::string(200 - payload.size() - 2, 'x') + "\"}";

  const auto publish = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) publisher.publish(topics[i % topics.size()], payload);
  };
  publish(warm_up);
  const Clock::time_point begin = Clock::now();
  const double process_begin = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const double thread_begin = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
  publish(events);
  const std::chrono::duration<double> wall = Clock::now() - begin;
  const double thread = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - thread_begin;
  const double process = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - process_begin;
  publisher.publish("end", "");
  int status = 0;
  waitpid(child, &status, 0);
  const auto each_ns = [&](double seconds) { return seconds / static_cast<double>(events) * 1e9; };
  std::printf(R"({"bench":"%s","events":%llu,"payload_bytes":%zu,"events_per_second":%.0f,)"
              R"("publish_cpu_ns":%.0f,"process_cpu_ns":%.0f,"dropped":%llu,"all_arrived":%s})"
              "\n",
              name, static_cast<unsigned long long>(events), payload.size(),
              static_cast<double>(events) / wall.count(), each_ns(thread), each_ns(process),
              static_cast<unsigned long long>(publisher.dropped()), status == 0 ? "true" : "false");
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t events = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2'000'000;
  bench("publisher", {}, events);
  zws::PublisherOptions options;
  options.repair = {};
  bench("publisher_without_repair", options, events);
  options.headers = false;
  bench("publisher_without_headers", options, events);
  return 0;
}
