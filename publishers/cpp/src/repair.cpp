#include "repair.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include "quiet_thread.hpp"

namespace zws {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view next_port = "port+1";
constexpr std::chrono::seconds look_every{1};  // for one that is away for long
constexpr std::chrono::milliseconds look_again{5};
constexpr unsigned port_max = 65535;

// tcp://host:5557 of tcp://host:5556; empty for what has no next port.
std::string beside(const std::string& endpoint) {
  constexpr std::string_view tcp = "tcp://";
  const std::size_t colon = endpoint.rfind(':');
  if (endpoint.compare(0, tcp.size(), tcp) != 0 || colon < tcp.size()) return {};
  unsigned port = 0;
  const char* const end = endpoint.data() + endpoint.size();
  const auto [parsed, fault] = std::from_chars(endpoint.data() + colon + 1, end, port);
  if (fault != std::errc{} || parsed != end || port >= port_max) return {};
  return endpoint.substr(0, colon + 1) + std::to_string(port + 1);
}

}  // namespace

std::vector<std::string> repair_endpoints(const std::vector<std::string>& endpoints,
                                          const PublisherOptions& options) {
  std::vector<std::string> found;
  for (const std::string& given : options.repair) {
    if (given != next_port) {
      if (!options.headers)
        throw PublisherError(
            "repair goes by the numbers in headers, and this publisher sends none");
      found.push_back(given);
      continue;
    }
    for (const std::string& endpoint : endpoints)
      if (const std::string next = beside(endpoint); !options.bind && !next.empty())
        found.push_back(next);
  }
  if (!options.headers || options.repair_bytes == 0) return {};
  if (found.size() > Counters::bridges_max)
    throw PublisherError("a publisher can be asked at 64 endpoints at most (repair)");
  return found;
}

Repair::Repair(void* context, const std::vector<std::string>& endpoints,
               const PublisherOptions& options, Sent& sent) {
  for (const std::string& endpoint : endpoints)
    askers_.push_back(std::make_unique<Asker>(context, endpoint, options, sent, askers_.size()));
  bell_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (bell_ < 0) throw PublisherError(std::string("no eventfd: ") + std::strerror(errno));
  try {
    thread_ = quiet_thread([this] { run(); });
  } catch (const std::system_error& error) {
    ::close(bell_);
    throw PublisherError(std::string("no thread to repair with: ") + error.what());
  }
}

Repair::~Repair() {
  stops_ = true;
  ::eventfd_write(bell_, 1);
  thread_.join();
  ::close(bell_);
}

void Repair::finish(Clock::time_point end, bool lost) {
  if (lost) {
    tells_now_ = true;
    ::eventfd_write(bell_, 1);
  }
  const auto asks = [&](Clock::time_point now) { return tells_now_ || now < busy_until_.load(); };
  for (auto now = Clock::now(); now < end && asks(now); now = Clock::now())
    std::this_thread::sleep_for(std::min<Clock::duration>(look_again, end - now));
}

void Repair::run() {
  while (!stops_) {
    const bool tells_now = tells_now_;
    for (const auto& asker : askers_) asker->read();
    Clock::time_point busy{};
    for (const auto& asker : askers_) {
      if (tells_now) asker->tell_now();
      asker->write();
      busy = std::max(busy, asker->busy_until());
    }
    busy_until_ = busy;
    if (tells_now) tells_now_ = false;
    wait();
  }
}

// For a bridge that asks, for room to answer one, or until it is time to tell.
void Repair::wait() const {
  std::vector<zmq_pollitem_t> polled{{nullptr, bell_, ZMQ_POLLIN, 0}};
  Clock::time_point end = Clock::now() + look_every;
  for (const auto& asker : askers_) {
    const short room = asker->has_more() ? ZMQ_POLLOUT : 0;
    polled.push_back({asker->socket(), 0, static_cast<short>(ZMQ_POLLIN | room), 0});
    if (asker->tell_at() > Clock::now()) end = std::min(end, asker->tell_at());
  }
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
  zmq_poll(polled.data(), static_cast<int>(polled.size()), std::max<long>(0, rest.count()));
  eventfd_t rung;
  ::eventfd_read(bell_, &rung);
}

}  // namespace zws
