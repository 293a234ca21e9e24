#include "link.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>

#include "socket_options.hpp"

namespace zws {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds refused_retry{1000};
// What a bridge may make this process hold: how many subscriptions are remembered (those beyond are
// served, but wait_ready does not know them).
constexpr std::size_t subscriptions_max = 4096;
// More than a context opens, and a socket of it with its monitor and connection.
constexpr std::size_t descriptors = 12;
constexpr std::size_t descriptors_of_socket = 4;
constexpr int refusals = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                         ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

// ZeroMQ counts milliseconds in 32 bits.
std::chrono::milliseconds patience_of(const PublisherOptions& options) noexcept {
  constexpr std::chrono::milliseconds longest{std::numeric_limits<int>::max()};
  return std::min(options.full_wait, longest);
}

void set_options(void* socket, const std::string& endpoint, const PublisherOptions& options) {
  set_option(socket, ZMQ_SNDHWM,
             static_cast<int>(std::min<std::size_t>(options.queue_events, 1 << 30)));
  set_option(socket, ZMQ_SNDTIMEO, static_cast<int>(patience_of(options).count()));
  // A full queue is told, and what it cannot take is counted. Not when bridges come to this socket:
  // there one that hangs would stop the others; what it misses it sees by the numbers.
  set_option(socket, ZMQ_XPUB_NODROP, options.bind ? 0 : 1);
  set_common_options(socket, endpoint, options);
}

// libzmq ends the whole program where it finds no descriptor for one.
void* new_context(std::size_t sockets) {
  std::vector<int> spare;
  int last = 0;
  while (spare.size() < descriptors + sockets * descriptors_of_socket &&
         (last = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
    spare.push_back(last);
  const int error = errno;
  for (const int descriptor : spare) ::close(descriptor);
  if (last < 0) throw PublisherError(std::string("no ZeroMQ context: ") + std::strerror(error));
  return zmq_ctx_new();
}

bool starts_with(std::string_view text, std::string_view prefix) noexcept {
  return text.substr(0, prefix.size()) == prefix;
}

}  // namespace

// One endpoint: its socket, the socket's monitor, and the subscriptions that came.
class Link::Spoke {
 public:
  Spoke(void* context, std::size_t number, const std::string& endpoint,
        const PublisherOptions& options)
      : endpoint_(endpoint),
        bind_(options.bind),
        full_wait_(patience_of(options)),
        socket_(zmq_socket(context, ZMQ_XPUB)) {
    if (!socket_) throw PublisherError(std::string("no ZeroMQ socket: ") + zmq_strerror(errno));
    try {
      set_options(socket_, endpoint_, options);
      watch(context, "inproc://monitor-" + std::to_string(number));
      attach(socket_, endpoint_, bind_);
    } catch (...) {
      close(std::chrono::milliseconds{0});
      throw;
    }
  }

  bool look(std::string_view topic) noexcept {
    read_monitor();
    read_subscriptions();
    if (ended_ && Clock::now() >= retry_) reconnect();
    return std::any_of(prefixes_.begin(), prefixes_.end(), [&](const std::string& prefix) {
      return topic.empty() || starts_with(topic, prefix);
    });
  }

  // However many signals come, it waits for room no longer than full_wait.
  bool send(std::string_view part, int flags) noexcept {
    const Clock::time_point end =
        full_wait_.count() > 0 ? Clock::now() + full_wait_ : Clock::time_point{};
    bool interrupted = false;
    int rc;
    while ((rc = zmq_send(socket_, part.data(), part.size(), flags)) < 0 && errno == EINTR) {
      interrupted = true;
      const auto rest = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
      set_option(socket_, ZMQ_SNDTIMEO, static_cast<int>(std::max<std::int64_t>(0, rest.count())));
    }
    if (interrupted) set_option(socket_, ZMQ_SNDTIMEO, static_cast<int>(full_wait_.count()));
    return rc >= 0;
  }

  bool refused() const noexcept { return refused_; }
  bool has_subscriber() const noexcept { return !prefixes_.empty(); }

  int descriptor(bool of_monitor) const noexcept {
    int descriptor = -1;
    std::size_t size = sizeof descriptor;
    zmq_getsockopt(of_monitor ? monitor_ : socket_, ZMQ_FD, &descriptor, &size);
    return descriptor;
  }

  void close(std::chrono::milliseconds linger) noexcept {
    // In this order: libzmq's I/O thread would wait for ever to write to a full monitor.
    if (monitor_) {
      read_monitor();
      zmq_socket_monitor(socket_, nullptr, 0);
      zmq_close(monitor_);
    }
    set_option(socket_, ZMQ_LINGER, static_cast<int>(linger.count()));
    zmq_close(socket_);
  }

 private:
  void watch(void* context, const std::string& address) {
    monitor_ = zmq_socket(context, ZMQ_PAIR);
    // Unbounded: libzmq's I/O thread would wait for ever to write to a full monitor. 128 bytes for
    // each handshake until this publisher is used again.
    if (monitor_) set_option(monitor_, ZMQ_RCVHWM, 0);
    if (!monitor_ ||
        zmq_socket_monitor(socket_, address.c_str(), refusals | ZMQ_EVENT_HANDSHAKE_SUCCEEDED) !=
            0 ||
        zmq_connect(monitor_, address.c_str()) != 0)
      throw PublisherError(std::string("no ZeroMQ monitor: ") + zmq_strerror(errno));
  }

  void read_subscriptions() noexcept {
    std::array<char, frame_bytes_max> text;
    int size;
    while ((size = zmq_recv(socket_, text.data(), text.size(), ZMQ_DONTWAIT)) >= 0) {
      if (size == 0) continue;
      std::string prefix(text.data() + 1, static_cast<std::size_t>(size) - 1);
      if (text[0] == 0) prefixes_.erase(prefix);
      if (text[0] == 1 && prefixes_.size() < subscriptions_max) prefixes_.insert(std::move(prefix));
    }
  }

  // Two frames for each event: its number and value; the address.
  void read_monitor() noexcept {
    std::array<char, 256> frame;
    while (zmq_recv(monitor_, frame.data(), frame.size(), ZMQ_DONTWAIT) >= 2) {
      std::uint16_t event = 0;
      std::memcpy(&event, frame.data(), sizeof event);
      zmq_recv(monitor_, frame.data(), frame.size(), 0);
      refused_ = (event & refusals) != 0;
      // After these two libzmq gives up. A bridge may learn of a key while this program runs.
      if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
          event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        ended_ = !bind_;
        retry_ = Clock::now() + refused_retry;
      }
    }
  }

  void reconnect() noexcept {
    ended_ = false;
    zmq_disconnect(socket_, endpoint_.c_str());
    zmq_connect(socket_, endpoint_.c_str());
  }

  const std::string endpoint_;
  const bool bind_;
  const std::chrono::milliseconds full_wait_;
  void* socket_;
  void* monitor_ = nullptr;
  std::set<std::string> prefixes_;
  bool refused_ = false;
  bool ended_ = false;  // libzmq will not try this endpoint again; we do at retry_
  Clock::time_point retry_;
};

Link::Link(const std::vector<std::string>& endpoints, const PublisherOptions& options)
    : context_(new_context(endpoints.size() + options.repair.size())) {
  try {
    if (endpoints.empty()) throw PublisherError("a publisher needs at least one endpoint");
    if (options.queue_events == 0) throw PublisherError("queue_events must be at least 1");
    if (options.full_wait.count() < 0)
      throw PublisherError("full_wait must not be negative (0: publish never waits)");
    if (options.linger.count() < 0 || options.early_seconds.count() < 0)
      throw PublisherError(
          "linger and early_seconds must not be negative (0: nothing is waited for)");
    for (const std::string& endpoint : endpoints)
      spokes_.push_back(std::make_unique<Spoke>(context_, spokes_.size(), endpoint, options));
  } catch (...) {
    close(std::chrono::milliseconds{0});
    throw;
  }
}

Link::~Link() { close(std::chrono::milliseconds{0}); }

bool Link::look(std::string_view topic) noexcept {
  bool all = true;
  for (const auto& spoke : spokes_) all = spoke->look(topic) && all;
  return all;
}

bool Link::has_subscriber() const noexcept {
  return std::any_of(spokes_.begin(), spokes_.end(),
                     [](const auto& spoke) { return spoke->has_subscriber(); });
}

bool Link::send(std::string_view topic, std::string_view payload,
                std::string_view header) noexcept {
  bool taken = true;
  for (const auto& spoke : spokes_) {
    // Only a message's first part can find the queue full. SNDTIMEO says how long it then waits.
    if (!spoke->send(topic, ZMQ_SNDMORE)) {
      taken = false;
      continue;
    }
    spoke->send(payload, header.empty() ? 0 : ZMQ_SNDMORE);
    if (!header.empty()) spoke->send(header, 0);
  }
  return taken;
}

bool Link::refused() const noexcept {
  return std::any_of(spokes_.begin(), spokes_.end(),
                     [](const auto& spoke) { return spoke->refused(); });
}

std::vector<int> Link::descriptors() const {
  std::vector<int> descriptors;
  for (const auto& spoke : spokes_) {
    descriptors.push_back(spoke->descriptor(false));
    descriptors.push_back(spoke->descriptor(true));
  }
  return descriptors;
}

bool Link::close(std::chrono::milliseconds linger) noexcept {
  if (!context_) return true;
  const Clock::time_point end = Clock::now() + linger;
  for (const auto& spoke : spokes_) spoke->close(linger);
  spokes_.clear();
  while (zmq_ctx_term(context_) != 0 && errno == EINTR) continue;
  context_ = nullptr;
  return Clock::now() < end;
}

}  // namespace zws
