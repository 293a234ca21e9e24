#include "ingest/source.hpp"

#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <zmq.hpp>

#include "core/error.hpp"
#include "core/log.hpp"
#include "ingest/envelope.hpp"
#include "ingest/gatekeeper.hpp"
#include "ingest/monitor.hpp"

namespace zws {
namespace {

constexpr std::size_t batch_messages_max = 256;
constexpr std::size_t batch_bytes_max = 65'536;
constexpr std::size_t frames_max = 3;                  // further frames are ignored
constexpr std::chrono::milliseconds look_around{100};  // how often monitor and memory are looked at
constexpr unsigned looks_to_settle = 5;
constexpr std::size_t farewell_drains = 1000;  // what is taken from a socket before it ends
constexpr std::chrono::seconds reload_patience{10};

constexpr std::array<std::string_view, static_cast<std::size_t>(RejectReason::count_)> reject_words{
    "it has no payload",
    "its topic is empty",
    "its topic is longer than 255 bytes",
    "its topic is not UTF-8",
    "its topic holds control characters",
    "its topic holds '*'",
    "its topic starts with '@' and is neither @all nor @user/<id>",
    "ingest.commands is false",
    "its payload is larger than limits.event_bytes",
    "it is a duplicate"};

std::size_t resident_bytes() noexcept {
  std::size_t pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  std::size_t total = 0;
  if (std::fscanf(file, "%zu %zu", &total, &pages) != 2) pages = 0;
  std::fclose(file);
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

struct Source::Impl {
  Impl(ConfigPtr given, Sink& to, Metrics& all, std::function<std::size_t()> accounted)
      : config(std::move(given)),
        sink(to),
        metrics(all.ingest),
        accounted_bytes(std::move(accounted)),
        keys(read_curve_keys(config->ingest)) {
    if (keys.on()) gatekeeper = std::make_unique<Gatekeeper>(context, keys);
    open_socket();
    bind();
    connect();
    apply_rules();
    baseline_bytes = resident_bytes();
  }

  void open_socket();
  void reopen_socket();
  void encrypt();
  void dial_again(const std::string& endpoint);
  void bind();
  void bind_again();
  void connect();
  void run();
  bool receive(std::size_t slot, bool block);
  bool drain(bool block);
  bool take(bool block) noexcept;
  void add(std::size_t slot, std::size_t frames);
  void reject(const Envelope::Result& opened);
  bool look() noexcept;
  bool guard_memory();
  void apply_rules();
  std::int64_t message_bytes_max() const noexcept {
    return static_cast<std::int64_t>(config->limits.event_bytes + 64 * 1024);
  }

  ConfigPtr config;
  std::mutex next_mutex;
  ConfigPtr next_config;
  bool shut_out = false;  // next_mutex: a producer that is connected may not be any more
  std::atomic<bool> rules_changed{false};
  std::atomic<bool> must_reopen{false};  // connections that may not go on as they are
  std::condition_variable in_force;      // neither of the two is so
  Sink& sink;
  IngestMetrics& metrics;
  std::function<std::size_t()> accounted_bytes;
  const CurveKeys keys;  // of the start; the gatekeeper has the list that is in force
  zmq::context_t context{1};
  std::unique_ptr<Gatekeeper> gatekeeper;
  zmq::socket_t socket;
  std::unique_ptr<Monitor> monitor;
  std::vector<std::string> addresses;
  std::vector<std::string> unbound;  // of a socket made anew: its predecessor has them still
  Envelope envelope;
  // Reused from drain to drain; an arrival points into them until the sink has taken it.
  std::vector<std::array<zmq::message_t, frames_max>> messages{batch_messages_max};
  std::vector<Arrival> arrivals;
  std::array<log::Quiet, static_cast<std::size_t>(RejectReason::count_)> reject_logs;
  std::size_t batch_bytes = 0;
  std::size_t baseline_bytes = 0;  // held by what nobody accounts for, producers apart
  unsigned settling_looks = 0;     // until what a closed socket held is free
  SteadyTime next_look{};
  std::atomic<bool> stopping{false};
  std::thread thread;
};

void Source::Impl::open_socket() {
  const IngestConfig& ingest = config->ingest;
  monitor.reset();
  socket = zmq::socket_t(context, zmq::socket_type::sub);
  socket.set(zmq::sockopt::rcvhwm, static_cast<int>(ingest.hwm));
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::rcvtimeo, static_cast<int>(look_around.count()));
  socket.set(zmq::sockopt::maxmsgsize, message_bytes_max());
  const auto names_ipv6 = [](const std::string& endpoint) {
    return endpoint.find('[') != std::string::npos;
  };
  if (std::any_of(ingest.bind.begin(), ingest.bind.end(), names_ipv6) ||
      std::any_of(ingest.connect.begin(), ingest.connect.end(), names_ipv6))
    socket.set(zmq::sockopt::ipv6, 1);
  encrypt();
  monitor = std::make_unique<Monitor>(context, socket, metrics, keys.on());
  for (const std::string& prefix : ingest.subscribe) socket.set(zmq::sockopt::subscribe, prefix);
}

// In place of the old socket, whose connections all end; what was on its way is lost.
void Source::Impl::reopen_socket() {
  open_socket();
  unbound = addresses;
  connect();
}

// The server where it connects, too: so a producer needs the same keys wherever it stands.
void Source::Impl::encrypt() {
  if (!keys.on()) return;
  socket.set(zmq::sockopt::curve_server, true);
  socket.set(zmq::sockopt::curve_secretkey, keys.secret);
  socket.set(zmq::sockopt::zap_domain, "zwsbridge");
}

void Source::Impl::bind() {
  for (const std::string& endpoint : config->ingest.bind) {
    try {
      socket.bind(endpoint);
      addresses.push_back(socket.get(zmq::sockopt::last_endpoint));
    } catch (const zmq::error_t& error) {
      throw StartupError(StartupError::machine,
                         fmt::format("cannot bind {} (ingest.bind): {}", endpoint, error.what()));
    }
  }
}

// libzmq lets go of an address some time after its socket is closed.
void Source::Impl::bind_again() {
  const auto bound = [this](const std::string& endpoint) {
    return zmq_bind(socket.handle(), endpoint.c_str()) == 0;
  };
  unbound.erase(std::remove_if(unbound.begin(), unbound.end(), bound), unbound.end());
}

void Source::Impl::connect() {
  for (const std::string& endpoint : config->ingest.connect) {
    try {
      socket.connect(endpoint);
    } catch (const zmq::error_t& error) {
      throw StartupError(
          StartupError::machine,
          fmt::format("cannot connect to {} (ingest.connect): {}", endpoint, error.what()));
    }
  }
}

// The largest message is a matter of each connection, so a larger one needs new ones.
void Source::Impl::apply_rules() {
  const std::lock_guard<std::mutex> lock(next_mutex);
  const std::int64_t before = message_bytes_max();
  if (next_config) config = std::move(next_config);
  envelope.set_rules({config->limits.event_bytes, config->ingest.commands});
  must_reopen = must_reopen || message_bytes_max() > before || shut_out;
  if (shut_out) log::info("producers are cut off: keys are not listed any more; others come again");
  shut_out = false;
  rules_changed = false;
  in_force.notify_all();
}

// --- taking --------------------------------------------------------------------------------------

void Source::Impl::run() {
  while (!stopping) {
    take(true);
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now < next_look) continue;
    next_look = now + look_around;
    look();
  }
}

bool Source::Impl::take(bool block) noexcept try {
  if (rules_changed) apply_rules();
  return drain(block);
} catch (const std::exception& error) {
  if (!stopping) log::error("receiving from producers failed: {}", error.what());
  return false;
}

// Waits for one message if it may block, then takes what is there. True if there may be more.
bool Source::Impl::drain(bool block) {
  arrivals.clear();
  envelope.reset();
  batch_bytes = 0;
  std::size_t slot = 0;
  while (slot < batch_messages_max && batch_bytes < batch_bytes_max &&
         receive(slot, block && slot == 0))
    ++slot;
  if (!arrivals.empty()) sink.accept(arrivals.data(), arrivals.size());
  return slot == batch_messages_max || batch_bytes >= batch_bytes_max;
}

// Receives one message of any number of frames into `slot`; false if there is none.
bool Source::Impl::receive(std::size_t slot, bool block) {
  auto& frames = messages[slot];
  std::size_t count = 0;
  for (bool more = true; more;) {
    zmq::message_t ignored;
    zmq::message_t& frame = count < frames_max ? frames[count] : ignored;
    const bool first = count == 0;
    if (!socket.recv(frame, first && !block ? zmq::recv_flags::dontwait : zmq::recv_flags::none)) {
      if (first) return false;
      continue;  // the rest of a message is there or on its way
    }
    more = frame.more();
    ++count;
  }
  add(slot, std::min(count, frames_max));
  return true;
}

void Source::Impl::add(std::size_t slot, std::size_t count) {
  std::array<std::string_view, frames_max> frames;
  for (std::size_t i = 0; i < count; ++i) {
    const zmq::message_t& message = messages[slot][i];
    frames[i] = {static_cast<const char*>(message.data()), message.size()};
  }
  const Envelope::Result opened = envelope.open(frames.data(), count);
  if (opened.header_ignored) metrics.header_ignored.add();
  if (opened.rejected != RejectReason::count_) return reject(opened);
  batch_bytes += opened.arrival.payload.size();
  arrivals.push_back(opened.arrival);
}

void Source::Impl::reject(const Envelope::Result& opened) {
  const auto reason = static_cast<std::size_t>(opened.rejected);
  metrics.rejected[reason].add();
  std::uint64_t suppressed = 0;
  if (reject_logs[reason].pass(suppressed))
    log::warning("dropped an event on topic \"{}\": {}{}", log::escaped(opened.arrival.topic, 48),
                 reject_words[reason], log::more(suppressed));
}

// --- looking around ------------------------------------------------------------------------------

bool Source::Impl::look() noexcept try {
  if (rules_changed) apply_rules();
  monitor->look();
  for (const std::string& endpoint : monitor->given_up()) dial_again(endpoint);
  bind_again();
  if (!must_reopen) return guard_memory();
  for (std::size_t drains = 0; drains < farewell_drains && take(false); ++drains) {
  }
  reopen_socket();
  const std::lock_guard<std::mutex> lock(next_mutex);
  must_reopen = false;
  in_force.notify_all();
  return true;
} catch (const std::exception& error) {
  if (!stopping) log::error("looking after the producers failed: {}", error.what());
  return false;
}

// The name that libzmq has for an endpoint after its first life is the numeric one; if it fits none
// of ours, the port tells which may be meant.
void Source::Impl::dial_again(const std::string& endpoint) {
  const std::vector<std::string>& ours = config->ingest.connect;
  const bool known = std::find(ours.begin(), ours.end(), endpoint) != ours.end();
  for (const std::string& one : ours) {
    if (known ? one != endpoint : !may_be_same(one, endpoint)) continue;
    try {
      socket.disconnect(one);
    } catch (const zmq::error_t&) {
      // libzmq has forgotten it already.
    }
    socket.connect(one);
  }
}

// A multipart message that never ends is bounded by neither the high-water mark nor the largest
// message; only a new socket frees it. True if it was made.
bool Source::Impl::guard_memory() {
  const std::size_t resident = resident_bytes();
  const std::size_t accounted = accounted_bytes();
  if (settling_looks > 0) {
    if (--settling_looks > 0) return false;
    ::malloc_trim(0);
    // What is still there does not belong to the producers: another new socket would not free it.
    const std::size_t left = resident_bytes();
    baseline_bytes = std::max(baseline_bytes, left - std::min(left, accounted));
    return false;
  }
  if (resident <= baseline_bytes + accounted + config->ingest.memory_bytes) return false;
  reopen_socket();
  settling_looks = looks_to_settle;
  metrics.resets.add();
  log::warning(
      "producers held more than ingest.memory_bytes ({} MiB resident): the socket was made "
      "anew, what was on its way is lost",
      resident >> 20);
  return true;
}

// --- the outside ---------------------------------------------------------------------------------

Source::Source(ConfigPtr config, Sink& sink, Metrics& metrics,
               std::function<std::size_t()> accounted_bytes)
    : impl_(std::make_unique<Impl>(std::move(config), sink, metrics, std::move(accounted_bytes))) {
  if (!impl_->gatekeeper) return;
  impl_->gatekeeper->start();
  log::info("producers need CURVE; the bridge's public key is {}, and {} may publish",
            impl_->keys.public_key,
            impl_->keys.everyone ? "everyone who knows it"
                                 : fmt::format("{} keys", impl_->keys.allowed.size()));
}

Source::~Source() { stop(); }

const std::vector<std::string>& Source::addresses() const noexcept { return impl_->addresses; }

void Source::start() {
  impl_->thread = std::thread([this] { impl_->run(); });
}

void Source::stop() {
  if (impl_->stopping.exchange(true)) return;
  impl_->context.shutdown();
  if (impl_->thread.joinable()) impl_->thread.join();
  if (impl_->gatekeeper) impl_->gatekeeper->join();
  impl_->monitor.reset();
  impl_->socket.close();
}

void Source::reload(const ConfigPtr& config, CurveKeys keys) {
  if (keys.public_key != impl_->keys.public_key)
    log::warning("ingest.curve_secret_key_file holds another key: it needs a restart");
  std::unique_lock<std::mutex> lock(impl_->next_mutex);
  if (impl_->gatekeeper && impl_->gatekeeper->reload(std::move(keys))) impl_->shut_out = true;
  impl_->next_config = config;
  impl_->rules_changed = true;
  impl_->in_force.wait_for(lock, reload_patience,
                           [this] { return !impl_->rules_changed && !impl_->must_reopen; });
}

int Source::descriptor() const noexcept {
  try {
    return impl_->socket.get(zmq::sockopt::fd);
  } catch (const zmq::error_t& error) {
    log::error("the producers' socket has no descriptor: {}", error.what());
    return -1;
  }
}

bool Source::drain() noexcept { return impl_->take(false); }

bool Source::look() noexcept { return impl_->look(); }

}  // namespace zws
