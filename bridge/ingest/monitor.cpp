#include "ingest/monitor.hpp"

#include <cerrno>

namespace zws {
namespace {

constexpr int watched_events =
    ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED |
    ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
    ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

constexpr std::chrono::seconds handshake_usual{1};
constexpr std::chrono::minutes type_told_every{1};
constexpr std::size_t types_told_max = 256;

constexpr std::array<std::string_view, static_cast<std::size_t>(RefuseReason::count_)> refuse_words{
    "it speaks no CURVE",
    "its key is not listed",
    "it encrypts for another key than the bridge's public one (its curve_serverkey)",
    "it left before its handshake was done, which may be for want of CURVE",
    "it does not speak ZeroMQ's protocol",
    "it sent a frame larger than ingest.frame_bytes, of which nothing was taken",
    "there are as many connections as ingest.connections allows",
    "its socket is no PUB; make it one in place of PUSH, DEALER, PAIR or what it is (XPUB does, "
    "too)"};

RefuseReason protocol_reason(std::uint32_t value) noexcept {
  switch (value) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH: return RefuseReason::no_curve;
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC: return RefuseReason::wrong_key;
    default: return RefuseReason::protocol;
  }
}

}  // namespace

Monitor::Monitor(zmq::context_t& context, zmq::socket_t& socket, IngestMetrics& metrics,
                 const Gatekeeper* gatekeeper, std::chrono::milliseconds patience, std::size_t most)
    : events_(context, socket, watched_events),
      metrics_(metrics),
      gatekeeper_(gatekeeper),
      concluded_(gatekeeper == nullptr ? 0 : gatekeeper->admissions()),
      patience_(patience),
      peers_(Line::may_have_shaken_hands),
      most_(most) {}

Monitor::~Monitor() {
  if (peers_.producers() == 0) return;  // another's may be there
  metrics_.producers_lost.add(peers_.producers());
  metrics_.producers.set(0);
}

void Monitor::look() {
  const std::uint64_t admitted = gatekeeper_ == nullptr ? 0 : gatekeeper_->admissions();
  for (SocketEvent event; events_.next(event);) note(event);
  keep_within_bound();
  // Handshakes that overlap may have been taken for each other; it stays at that.
  if (peers_.handshakes() == 0) concluded_ = admitted;
}

std::vector<std::string> Monitor::given_up() {
  return peers_.given_up(std::chrono::steady_clock::now());
}

Monitor::Busiest Monitor::busiest() {
  const Line* most = nullptr;
  std::uint64_t fresh = 0;
  for (auto& [descriptor, watched] : lines_) {
    const std::uint64_t received = watched.line.received();
    const std::uint64_t before = std::exchange(watched.received, received);
    if (received - before <= fresh) continue;
    fresh = received - before;
    most = &watched.line;
    busiest_.bytes = received;
  }
  if (most != nullptr) busiest_.peer = most->peer();
  return busiest_;
}

void Monitor::note(const SocketEvent& event) {
  std::uint64_t suppressed = 0;
  switch (event.number) {
    case ZMQ_EVENT_ACCEPTED: return note_begin(event);
    case ZMQ_EVENT_CONNECTED: return note_begin(event, event.address);
    case ZMQ_EVENT_CONNECT_RETRIED:
      tried_.push_back(event.address);
      return peers_.tries_again(event.address);
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      ++concluded_;
      peers_.succeeded(event.address);
      metrics_.producers.set(peers_.producers());
      metrics_.producers_connected.add();
      if (connected_logs_.pass(suppressed))
        log::info("a producer connected at {} ({} now){}", log::escaped(event.address),
                  peers_.producers(), log::more(suppressed));
      return;
    case ZMQ_EVENT_DISCONNECTED: return note_end(event);
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      peers_.failed();
      return refuse(RefuseReason::unlisted_key, event.address);
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      peers_.failed();
      return refuse(protocol_reason(event.value), event.address);
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      peers_.failed();
      if (cuts_untold_ > 0) {
        --cuts_untold_;
        return;
      }
      has_just_left_ = gatekeeper_ == nullptr && event.value == EPIPE;
      if (!has_just_left_) refuse(RefuseReason::broken_off, event.address);
      return;
    default: return;
  }
}

void Monitor::note_begin(const SocketEvent& event, std::string dialled) {
  const int descriptor = static_cast<int>(event.value);
  lines_[descriptor] = {event.address, Line(descriptor, event.address), 0,
                        std::chrono::steady_clock::now()};
  peers_.began(descriptor, std::move(dialled));
}

// libzmq accepts whoever comes. Strangers who say nothing do not keep producers out: they go first, but not
// before all is known, for who has finished its handshake is none of them.
void Monitor::keep_within_bound() {
  const auto is_within = [this] { return lines_.size() - cut_.size() <= most_; };
  if (is_within()) return;
  for (const int descriptor : peers_.strangers(cut_)) {
    if (!cut(descriptor)) continue;
    cut_.insert(descriptor);
    ++cuts_untold_;
    if (is_within()) return;
  }
}

bool Monitor::cut(int descriptor) {
  Watched& watched = lines_[descriptor];
  const std::string peer = watched.line.peer();
  // There may have been no second descriptor when it came.
  if (!watched.line.cut() && !(watched.line = Line(descriptor, watched.address)).cut())
    return false;
  refuse(RefuseReason::too_many, peer);
  return true;
}

std::uint64_t Monitor::heard(int descriptor) noexcept {
  if (peers_.heard(descriptor)) {
    metrics_.producers.set(peers_.producers());
    metrics_.producers_connected.add();
  }
  return peers_.number(descriptor);
}

void Monitor::note_end(const SocketEvent& event) {
  const int descriptor = static_cast<int>(event.value);
  ended_.push_back(peers_.number(descriptor));
  const auto found = lines_.find(descriptor);
  const bool was_short = found != lines_.end() &&
                         std::chrono::steady_clock::now() - found->second.since < handshake_usual;
  const Line line = found == lines_.end() ? Line() : std::move(found->second.line);
  if (found != lines_.end()) lines_.erase(found);
  const bool was_cut = cut_.erase(descriptor) > 0;
  if (std::exchange(has_just_left_, false)) {
    if (was_short)
      suspect_type(event.address);
    else
      refuse(RefuseReason::broken_off, event.address);
  }
  switch (peers_.ended(descriptor, std::chrono::steady_clock::now())) {
    case Peers::End::left:
      if (was_cut && cuts_untold_ > 0) --cuts_untold_;  // its handshake was done in the meantime
      return note_left(line, event.address);
    case Peers::End::silent:
      if (passed_the_gatekeeper()) return refuse_type(line, event.address);
      return refuse(RefuseReason::no_curve, event.address);
    case Peers::End::failed: return;
  }
}

// What libzmq ends itself, once the handshake is done, has been silent for too long, or has sent a
// frame that it does not take, whose bytes nobody reads any more.
void Monitor::note_left(const Line& line, const std::string& address) {
  metrics_.producers.set(peers_.producers());
  metrics_.producers_lost.add();
  const std::string where = log::escaped(address);
  std::uint64_t suppressed = 0;
  if (line.hung_up()) {
    if (left_logs_.pass(suppressed))
      log::info("a producer left {} ({} now){}", where, peers_.producers(), log::more(suppressed));
    return;
  }
  const bool was_silent = line.silence() >= patience_ - patience_ / 4;
  if (!was_silent) return refuse(RefuseReason::too_big, address + " (" + line.peer() + ')');
  if (silent_logs_.pass(suppressed))
    log::warning("a producer at {} ({}) gave no sign of life for ingest.heartbeat_timeout{}", where,
                 line.peer(), log::more(suppressed));
}

// Of a handshake that has just ended.
bool Monitor::passed_the_gatekeeper() noexcept {
  if (gatekeeper_ == nullptr) return true;
  if (concluded_ >= gatekeeper_->admissions()) return false;
  ++concluded_;
  return true;
}

void Monitor::refuse_type(const Line& line, const std::string& address) {
  constexpr auto reason = static_cast<std::size_t>(RefuseReason::wrong_type);
  metrics_.producers_refused[reason].add();
  tell_type(log::Level::warning, address, line.peer(), refuse_words[reason]);
}

// It may have been a health check that reads, or a producer that spoke ZMTP 2, was heard and has left. Only a
// bridge without CURVE comes here.
void Monitor::suspect_type(const std::string& address) {
  metrics_.producers_refused[static_cast<std::size_t>(RefuseReason::broken_off)].add();
  tell_type(log::Level::info, address, "somebody",
            "it left as soon as it had read the bridge's greeting; if nothing of it arrives, its "
            "socket is no PUB, or it speaks CURVE, for which this bridge has no key "
            "(ingest.curve_secret_key_file)");
}

// With CURVE, and where the bridge dials, such a peer is back at once, again and again.
void Monitor::tell_type(log::Level level, const std::string& address, const std::string& peer,
                        std::string_view words) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (types_told_.size() >= types_told_max) types_told_.clear();
  Told& told = types_told_[fmt::format("{} {}", address, words)];
  if (now < told.again) {
    ++told.suppressed;
    return;
  }
  told.again = now + type_told_every;
  log::write(level, fmt::format("refused a producer at {} ({}): {}{}", log::escaped(address), peer,
                                words, log::more(std::exchange(told.suppressed, 0))));
}

// Who had a wrong key has been logged by the gatekeeper, who knows the key and the peer's address.
// Health checks and port scans break off all day, so that is for debugging; but a producer without
// CURVE does it too, when it sees our greeting before we see its own.
void Monitor::refuse(RefuseReason reason, const std::string& address) {
  const auto index = static_cast<std::size_t>(reason);
  metrics_.producers_refused[index].add();
  if (reason == RefuseReason::unlisted_key) return;
  std::uint64_t suppressed = 0;
  const log::Level level = reason != RefuseReason::broken_off ? log::Level::warning
                           : gatekeeper_ != nullptr           ? log::Level::info
                                                              : log::Level::debug;
  if (log::enabled(level) && refused_logs_[index].pass(suppressed))
    log::write(level, fmt::format("refused a producer at {}: {}{}", log::escaped(address),
                                  refuse_words[index], log::more(suppressed)));
}

}  // namespace zws
