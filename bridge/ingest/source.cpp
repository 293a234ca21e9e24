#include "ingest/source.hpp"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <zmq.hpp>

#include "config/descriptors.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "ingest/endpoints.hpp"
#include "ingest/gatekeeper.hpp"
#include "ingest/intake.hpp"
#include "ingest/ipc_path.hpp"
#include "ingest/lookup.hpp"
#include "ingest/monitor.hpp"
#include "ingest/repairs.hpp"
#include "ingest/senders.hpp"
#include "ingest/zmq_heap.hpp"
#include "ingest/zmq_options.hpp"

namespace zws {
namespace {

constexpr std::chrono::milliseconds look_around{100};  // how often monitor and memory are looked at
constexpr unsigned looks_to_settle = 5;
constexpr std::size_t farewell_drains = 1000;  // what is taken from a socket before it ends
constexpr std::chrono::seconds reload_patience{10};

// Nothing where ingest.repair_bind is empty. Whoever gives producers another port than the default, as for
// a second bridge on a machine, need not know of this one: there it is no fault that the default is taken.
std::unique_ptr<Repairs> make_repairs(zmq::context_t& context, const CurveKeys& keys, Sink& next,
                                      IngestMetrics& metrics, const Config& config) {
  if (config.ingest.repair_bind.empty()) return nullptr;
  try {
    return std::make_unique<Repairs>(context, keys, next, metrics, config);
  } catch (const StartupError& error) {
    const IngestConfig defaults;
    if (config.ingest.repair_bind != defaults.repair_bind || config.ingest.bind == defaults.bind)
      throw;
    log::warning(
        "{}: nothing that producers' events lose on the way is repaired; set another "
        "ingest.repair_bind, or [] to do without",
        error.what());
    return nullptr;
  }
}

}  // namespace

struct Source::Impl {
  Impl(ConfigPtr given, Sink& to, Metrics& all)
      : config(std::move(given)),
        metrics(all.ingest),
        heap_is_watched(zmq_heap::watch()),
        keys(read_curve_keys(config->ingest)),
        connections_most(share_descriptors(*config).producers),
        endpoints(config->ingest.connect),
        lookup(endpoints.named(), config->ingest.resolve),
        gatekeeper(keys.on() ? std::make_unique<Gatekeeper>(context, keys) : nullptr),
        repairs(make_repairs(context, keys, to, metrics, *config)),
        sink(repairs ? repairs->sink() : to),
        senders(sink, [this](int descriptor) { return number_of(descriptor); }),
        intake(sink, senders, metrics) {
    open_socket();
    bind();
    follow_orders({});
    apply_rules();
    if (!heap_is_watched)
      log::warning("ingest.memory_bytes is not kept: libzmq is no shared library here");
  }

  void open_socket();
  void reopen_socket();
  void bind();
  void bind_again();
  void dial(const std::string& address);
  void hang_up(const std::string& address) noexcept;
  void follow_orders(const std::set<std::string>& reached);
  void look_at_monitor();
  std::uint64_t number_of(int descriptor);
  void look_after_endpoints();
  void run();
  bool take(bool block) noexcept;
  bool look() noexcept;
  bool guard_memory();
  void reopen_all();
  bool may_be_repairs(std::size_t held, std::size_t bound);
  bool reopen_repairs() noexcept;
  void tell_of_repairs();
  void apply_rules();

  ConfigPtr config;
  std::mutex next_mutex;
  ConfigPtr next_config;
  bool shut_out = false;  // next_mutex: a producer that is connected may not be any more
  std::atomic<bool> rules_changed{false};
  std::atomic<bool> must_reopen{false};  // connections that may not go on as they are
  std::condition_variable in_force;      // neither of the two is so
  IngestMetrics& metrics;
  const bool heap_is_watched;  // before the context is made
  const CurveKeys keys;        // of the start; the gatekeeper has the list that is in force
  const std::size_t connections_most;
  Endpoints endpoints;
  Lookup lookup;
  zmq::context_t context{1};
  const std::unique_ptr<Gatekeeper> gatekeeper;
  const std::unique_ptr<Repairs> repairs;  // nothing where ingest.repair_bind is empty
  Sink& sink;
  zmq::socket_t socket;
  std::unique_ptr<Monitor> monitor;
  bool binds_ipv6 = false;
  bool waits_itself = false;  // on this thread, for both sockets
  std::vector<std::string> addresses;
  std::vector<std::string> unbound;  // of a socket made anew: its predecessor has them still
  Senders senders;
  Intake intake;
  unsigned settling_looks = 0;  // until what a closed socket held must be free
  unsigned repairs_looks = 0;   // ... what the repair port's did
  std::size_t repairs_held = 0;
  unsigned retry_looks = 0;       // until it is tried again to make both sockets anew
  bool repairs_reopened = false;  // already, of these two
  log::Quiet look_failed_log;
  log::Quiet reopen_failed_log;
  SteadyTime next_look{};
  std::atomic<bool> stopping{false};
  std::thread thread;
};

// If it throws, the socket that was there goes on.
void Source::Impl::open_socket() {
  const IngestConfig& ingest = config->ingest;
  zmq::socket_t made(context, zmq::socket_type::sub);
  made.set(zmq::sockopt::rcvhwm, static_cast<int>(ingest.hwm));
  made.set(zmq::sockopt::linger, 0);
  made.set(zmq::sockopt::rcvtimeo, static_cast<int>(look_around.count()));
  made.set(zmq::sockopt::maxmsgsize, frame_bytes_max(*config));
  const auto names_ipv6 = [](const std::string& endpoint) {
    return endpoint.find('[') != std::string::npos;
  };
  binds_ipv6 = std::any_of(ingest.bind.begin(), ingest.bind.end(), names_ipv6);
  encrypt(made, keys, ingest_domain);
  watch_over_connections(made, *config);
  auto its_monitor =
      std::make_unique<Monitor>(context, made, metrics, gatekeeper.get(),
                                ingest.heartbeat_timeout - ingest.heartbeat, connections_most);
  for (const std::string& prefix : ingest.subscribe) made.set(zmq::sockopt::subscribe, prefix);
  if (waits_itself) repairs->wait_for_too(made);
  if (waits_itself) repairs->wait_no_more_for(socket);
  std::swap(monitor, its_monitor);  // the former's ends before its socket
  std::swap(socket, made);
}

// In place of the old socket, whose connections all end; what was on its way is lost.
void Source::Impl::reopen_socket() {
  std::vector<std::string> to_bind = addresses;
  open_socket();
  unbound.swap(to_bind);
  senders.all_ended();
  for (const std::string& address : endpoints.dialled()) dial(address);
}

void Source::Impl::bind() {
  for (const std::string& endpoint : config->ingest.bind) {
    const IpcPath path = ask_ipc_path(endpoint);
    if (path != IpcPath::free)
      throw StartupError(StartupError::machine,
                         fmt::format("cannot bind {} (ingest.bind): {}", endpoint, why_not(path)));
    try {
      socket.set(zmq::sockopt::ipv6, binds_ipv6);
      socket.bind(endpoint);
      set_ipc_mode(endpoint, config->ingest.ipc_mode);
      addresses.push_back(socket.get(zmq::sockopt::last_endpoint));
    } catch (const zmq::error_t& error) {
      throw StartupError(StartupError::machine,
                         fmt::format("cannot bind {} (ingest.bind): {}", endpoint, error.what()));
    }
  }
}

// libzmq lets go of an address some time after its socket is closed, and removes an ipc path then,
// whosever it is by that time.
void Source::Impl::bind_again() {
  const auto bound = [this](const std::string& endpoint) {
    if (ask_ipc_path(endpoint) != IpcPath::free) return false;
    socket.set(zmq::sockopt::ipv6, binds_ipv6);
    if (zmq_bind(socket.handle(), endpoint.c_str()) != 0) return false;
    set_ipc_mode(endpoint, config->ingest.ipc_mode);
    return true;
  };
  unbound.erase(std::remove_if(unbound.begin(), unbound.end(), bound), unbound.end());
}

// With IPv6 switched on libzmq would write an IPv4 address as the IPv6 one that it maps to.
void Source::Impl::dial(const std::string& address) {
  socket.set(zmq::sockopt::ipv6, address.find('[') != std::string::npos);
  socket.connect(address);
}

void Source::Impl::hang_up(const std::string& address) noexcept {
  zmq_disconnect(socket.handle(), address.c_str());  // it may have been forgotten already
}

void Source::Impl::follow_orders(const std::set<std::string>& reached) {
  const Endpoints::Orders orders = endpoints.orders(reached);
  for (const std::string& address : orders.leave) hang_up(address);
  for (const std::string& address : orders.dial) {
    try {
      dial(address);
    } catch (const zmq::error_t& error) {
      throw StartupError(
          StartupError::machine,
          fmt::format("cannot connect to {} (ingest.connect): {}", address, error.what()));
    }
  }
}

// The largest message is a matter of each connection, so a larger one needs new ones.
void Source::Impl::apply_rules() {
  const std::lock_guard<std::mutex> lock(next_mutex);
  const std::int64_t before = frame_bytes_max(*config);
  if (next_config) config = std::move(next_config);
  intake.set_rules({config->limits.event_bytes, config->ingest.commands});
  if (repairs) repairs->set_rules(*config);
  repairs_reopened = false;
  must_reopen = must_reopen || frame_bytes_max(*config) > before || shut_out;
  if (shut_out) log::info("producers are cut off: keys are not listed any more; others come again");
  shut_out = false;
  rules_changed = false;
  in_force.notify_all();
}

// --- taking --------------------------------------------------------------------------------------

void Source::Impl::run() {
  while (!stopping) {
    if (!take(!repairs) && repairs) repairs->wait(look_around);
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now < next_look) continue;
    next_look = now + look_around;
    look();
  }
}

bool Source::Impl::take(bool block) noexcept try {
  if (rules_changed) apply_rules();
  const std::uint64_t taken = intake.taken();
  bool more = intake.drain(socket, block);
  if (!more) senders.nothing_waits();
  if (repairs && repairs->drain(intake.taken() == taken)) more = true;
  return more;
} catch (const std::exception& error) {
  if (!stopping) log::error("receiving from producers failed: {}", error.what());
  return false;
}

// --- looking around ------------------------------------------------------------------------------

bool Source::Impl::look() noexcept try {
  if (rules_changed) apply_rules();
  look_at_monitor();
  senders.note_look();
  look_after_endpoints();
  bind_again();
  if (!must_reopen || (retry_looks > 0 && --retry_looks > 0)) return guard_memory();
  retry_looks = looks_to_settle;
  reopen_all();
  retry_looks = 0;
  return true;
} catch (const std::exception& error) {
  std::uint64_t suppressed = 0;
  if (!stopping && look_failed_log.pass(suppressed))
    log::error("looking after the producers failed: {}{}", error.what(), log::more(suppressed));
  return false;
}

// Each once, though the other may have to be tried again: connections would end each time.
void Source::Impl::reopen_all() {
  for (std::size_t drains = 0; drains < farewell_drains && take(false); ++drains) {
  }
  if (repairs && !repairs_reopened) repairs->reopen(*config);
  repairs_reopened = true;
  reopen_socket();
  repairs_reopened = false;
  const std::lock_guard<std::mutex> lock(next_mutex);
  must_reopen = false;
  in_force.notify_all();
}

void Source::Impl::look_at_monitor() {
  monitor->look();
  for (const std::uint64_t number : monitor->ended()) senders.ended(number);
}

// Of a connection that may have begun since the last look.
std::uint64_t Source::Impl::number_of(int descriptor) {
  look_at_monitor();
  return monitor->heard(descriptor);
}

void Source::Impl::look_after_endpoints() {
  if (config->ingest.connect.empty()) return;
  for (Lookup::Answer& answer : lookup.take())
    endpoints.found(answer.name, std::move(answer.addresses));
  for (const std::string& address : monitor->tried()) endpoints.tried(address);
  for (const std::string& address : monitor->given_up()) {
    if (endpoints.dialled().count(address) == 0) continue;
    hang_up(address);
    dial(address);
  }
  const std::set<std::string> reached = monitor->reached();
  follow_orders(reached);
  for (const auto& [name, tries, has_address] :
       endpoints.complaints(reached, std::chrono::steady_clock::now())) {
    if (!has_address)
      log::warning("cannot reach {} (ingest.connect): no address is known", log::escaped(name));
    else if (tries == 0)
      log::warning("cannot hear {} (ingest.connect): somebody is there, but no handshake succeeds",
                   log::escaped(name));
    else
      log::warning("cannot reach {} (ingest.connect; {} tries)", log::escaped(name), tries);
  }
  const Endpoints::Count count = endpoints.count(reached);
  for (std::size_t i = 0; i < count.size(); ++i) metrics.endpoints[i].set(count[i]);
}

// A multipart message that never ends is bounded by neither the high-water mark nor the largest
// message; only a new socket frees it. While the old one's memory is being freed the new one may take
// as much again, and no more. The repair port's goes first: its connections lose nothing by it, and while
// it is closed what is held tells whose fault it is. True if the producers' was made.
bool Source::Impl::guard_memory() {
  const std::size_t held = zmq_heap::bytes();
  const std::size_t bound = config->ingest.memory_bytes;
  if (repairs) repairs->keep_within(held, bound);
  const Monitor::Busiest busiest = monitor->busiest();
  if (held <= bound) {
    const bool repairs_settled = std::exchange(repairs_looks, 0) > 0;
    if (repairs_settled) tell_of_repairs();
    if (repairs) repairs->bind_again(*config);
    zmq_heap::pause_above(bound);
    if (std::exchange(settling_looks, 0) > 0 || repairs_settled) ::malloc_trim(0);
    return false;
  }
  if (settling_looks > 0 && --settling_looks > 0) return false;
  // Whole messages can be taken, and more than they cannot come meanwhile.
  for (std::size_t drains = 0; drains < farewell_drains && zmq_heap::bytes() > bound && take(false);
       ++drains) {
  }
  if (zmq_heap::bytes() <= bound) return false;
  if (may_be_repairs(held, bound)) return false;
  settling_looks = looks_to_settle;  // also until it is tried again, where it fails
  reopen_socket();
  zmq_heap::pause_above(held + bound);
  metrics.resets.add();
  log::warning(
      "producers held more than ingest.memory_bytes ({} MiB; {} sent most of late, {} MiB in all): "
      "the "
      "socket was made anew, what was on its way is lost",
      held >> 20, busiest.peer, busiest.bytes >> 20);
  return true;
}

// True until it is known that closing the repair port does not do.
bool Source::Impl::may_be_repairs(std::size_t held, std::size_t bound) {
  if (repairs_looks > 0) return --repairs_looks > 0;
  if (!repairs || repairs->is_alone()) return false;
  if (!reopen_repairs()) return false;
  repairs_held = held;
  repairs_looks = looks_to_settle;
  zmq_heap::pause_above(held + bound / 8);
  return true;
}

// False where it cannot be: the producers' socket may hold what is too much as well.
bool Source::Impl::reopen_repairs() noexcept try {
  repairs->reopen(*config);
  return true;
} catch (const std::exception& error) {
  std::uint64_t suppressed = 0;
  if (reopen_failed_log.pass(suppressed))
    log::error("the repair port cannot be made anew: {}{}", error.what(), log::more(suppressed));
  return false;
}

void Source::Impl::tell_of_repairs() {
  metrics.resets.add();
  log::warning(
      "with the connections to the repair port producers held more than ingest.memory_bytes ({} "
      "MiB in all): the port was made anew, publishers come to it again",
      repairs_held >> 20);
}

// --- the outside ---------------------------------------------------------------------------------

Source::Source(ConfigPtr config, Sink& sink, Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(config), sink, metrics)) {
  // The first look comes later than the first producers.
  zmq_heap::pause_above(impl_->config->ingest.memory_bytes);
  if (!impl_->gatekeeper) return;
  impl_->gatekeeper->start();
  log::info("producers need CURVE; the bridge's public key is {}, and {} may publish",
            impl_->keys.public_key,
            impl_->keys.everyone ? "everyone who knows it"
                                 : fmt::format("{} keys", impl_->keys.allowed.size()));
}

Source::~Source() { stop(); }

const std::vector<std::string>& Source::addresses() const noexcept { return impl_->addresses; }

const std::vector<std::string>& Source::repair_addresses() const noexcept {
  static const std::vector<std::string> none;
  return impl_->repairs ? impl_->repairs->addresses() : none;
}

void Source::start() {
  if (impl_->repairs) impl_->repairs->wait_for_too(impl_->socket);
  impl_->waits_itself = impl_->repairs != nullptr;
  impl_->thread = std::thread([this] { impl_->run(); });
}

void Source::stop() {
  if (impl_->stopping.exchange(true)) return;
  impl_->context.shutdown();
  if (impl_->thread.joinable()) impl_->thread.join();
  if (impl_->gatekeeper) impl_->gatekeeper->join();
  impl_->monitor.reset();
  impl_->socket.close();
  if (impl_->repairs) impl_->repairs->close();
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

int Source::descriptor() const noexcept try {
  return impl_->socket.get(zmq::sockopt::fd);
} catch (const zmq::error_t& error) {
  log::error("the producers' socket has no descriptor: {}", error.what());
  return -1;
}

int Source::seldom_descriptor() const noexcept {
  return impl_->repairs ? impl_->repairs->descriptor() : -1;
}

bool Source::drain() noexcept { return impl_->take(false); }

// It may have been made anew, and something failed behind that.
bool Source::look() noexcept {
  const void* const before = impl_->socket.handle();
  return impl_->look() || impl_->socket.handle() != before;
}

}  // namespace zws
