#include "ingest/repair_port.hpp"

#include <charconv>
#include <utility>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/position.hpp"
#include "core/topic.hpp"
#include "ingest/ipc_path.hpp"
#include "ingest/zmq_options.hpp"

namespace zws {
namespace {

constexpr int queued_max = 1000;
constexpr std::size_t look_messages_max = 64;
constexpr std::size_t look_bytes_max = 65'536;
// Few bytes may name many topics, and producers' events wait meanwhile.
constexpr std::chrono::milliseconds look_time{1};
constexpr std::size_t kept_topics_max = 250;                 // of one message
constexpr std::size_t frames_max = 3 + 3 * kept_topics_max;  // with the connection's id

// A number as the protocol writes it; false if it is none.
bool read(std::string_view text, std::uint64_t& number) noexcept {
  constexpr std::uint64_t most = std::uint64_t{1} << 63U;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size() && number < most;
}

bool is_asked_topic(std::string_view topic) noexcept {
  return topic_fault(topic) == TopicFault::none && !is_reserved(topic);
}

}  // namespace

RepairPort::RepairPort(zmq::context_t& context, const CurveKeys& keys, IngestMetrics& metrics,
                       std::size_t most, Wakeup& wakeup)
    : context_(context),
      keys_(keys),
      metrics_(metrics),
      most_(most),
      wakeup_(wakeup),
      frames_(frames_max) {}

void RepairPort::open(const Config& config) {
  zmq::socket_t socket(context_, zmq::socket_type::router);
  socket.set(zmq::sockopt::router_mandatory, true);
  socket.set(zmq::sockopt::rcvhwm, queued_max);
  socket.set(zmq::sockopt::sndhwm, queued_max);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::maxmsgsize, frame_bytes_max(config));
  encrypt(socket, keys_, repair_domain);
  watch_over_connections(socket, config);
  auto callers = std::make_unique<Callers>(context_, socket, metrics_, most_);
  auto awaited = std::make_unique<Awaited>(wakeup_, socket.get(zmq::sockopt::fd));
  auto callers_awaited = std::make_unique<Awaited>(wakeup_, callers->descriptor());
  // The former's end here, each before what it belongs to.
  std::swap(callers_awaited_, callers_awaited);
  std::swap(awaited_, awaited);
  std::swap(callers_, callers);
  std::swap(socket_, socket);
  touched_ = true;
  passing_over_ = false;
}

void RepairPort::bind(const Config& config) {
  open(config);
  for (const std::string& endpoint : config.ingest.repair_bind) {
    const auto fail = [&](std::string_view why) {
      throw StartupError(StartupError::machine,
                         fmt::format("cannot bind {} (ingest.repair_bind): {}", endpoint, why));
    };
    const IpcPath path = ask_ipc_path(endpoint);
    if (path != IpcPath::free) fail(why_not(path));
    try {
      socket_.set(zmq::sockopt::ipv6, endpoint.find('[') != std::string::npos);
      socket_.bind(endpoint);
      set_ipc_mode(endpoint, config.ingest.ipc_mode);
      addresses_.push_back(socket_.get(zmq::sockopt::last_endpoint));
    } catch (const zmq::error_t& error) {
      fail(error.what());
    }
  }
}

void RepairPort::reopen(const Config& config) {
  std::vector<std::string> unbound = addresses_;
  open(config);
  unbound_.swap(unbound);
}

void RepairPort::bind_again(const Config& config) {
  for (auto endpoint = unbound_.begin(); endpoint != unbound_.end();) {
    socket_.set(zmq::sockopt::ipv6, endpoint->find('[') != std::string::npos);
    const bool bound = ask_ipc_path(*endpoint) == IpcPath::free &&
                       zmq_bind(socket_.handle(), endpoint->c_str()) == 0;
    touched_ = true;
    if (bound) set_ipc_mode(*endpoint, config.ingest.ipc_mode);
    endpoint = bound ? unbound_.erase(endpoint) : endpoint + 1;
  }
}

void RepairPort::close() noexcept {
  callers_awaited_.reset();
  awaited_.reset();
  callers_.reset();
  socket_.close();
}

// --- what publishers say -------------------------------------------------------------------------

bool RepairPort::drain(Repair& repair) {
  bytes_ = 0;
  const SteadyTime until = std::chrono::steady_clock::now() + look_time;
  for (std::size_t messages = 0; messages < look_messages_max && bytes_ < look_bytes_max &&
                                 (messages == 0 || std::chrono::steady_clock::now() < until);
       ++messages) {
    if (!receive()) {
      touched_ = false;
      repair.look();
      return touched_;
    }
    if (passing_over_) continue;
    take(repair.publishers());
    let_go();
  }
  return true;
}

// What they hold counts as held by producers, and who knows when a message of as many frames comes again.
void RepairPort::let_go() noexcept {
  for (std::size_t i = 0; i < std::min(count_, frames_max); ++i) frames_[i].rebuild();
}

// One message, or as much of a message that is too long as a look may take; false if there is none.
bool RepairPort::receive() {
  if (!passing_over_) count_ = 0;
  for (bool more = true; more;) {
    zmq::message_t& frame = frames_[std::min(count_, frames_max - 1)];
    if (!socket_.recv(frame, zmq::recv_flags::dontwait)) return false;
    more = frame.more();
    bytes_ += frame.size();
    count_ = std::min(count_ + 1, frames_max + 1);
    passing_over_ = more && count_ > frames_max;
    if (passing_over_ && bytes_ >= look_bytes_max) return true;
  }
  return true;
}

std::string_view RepairPort::frame(std::size_t index) const noexcept {
  if (index >= count_) return {};
  return {static_cast<const char*>(frames_[index].data()), frames_[index].size()};
}

void RepairPort::take(Publishers& publishers) {
  callers_->heard(zmq_msg_get(frames_[1].handle(), ZMQ_SRCFD));
  const std::string id(frame(0));
  const std::string_view verb = frame(1);
  bool right = count_ <= frames_max;
  if (verb.empty()) {
    if (count_ == 2) publishers.greet(id);
  } else if (right && verb == "have") {
    right = take_kept(publishers, id);
  } else if (right && verb == "event") {
    right = take_answer(publishers, id);
  } else if (right && verb == "end") {
    right = take_end(publishers, id);
  }
  if (!right) publishers.note_unasked();
}

bool RepairPort::take_kept(Publishers& publishers, const std::string& id) {
  constexpr std::size_t head = 3;
  if (!is_source(frame(2)) || count_ == head || (count_ - head) % 3 != 0) return false;
  kept_.clear();
  for (std::size_t at = head; at < count_; at += 3) {
    KeptRange range{frame(at), 0, 0};
    const bool right = is_asked_topic(range.topic) && read(frame(at + 1), range.first) &&
                       read(frame(at + 2), range.newest) && range.first >= 1 &&
                       range.first <= range.newest + 1;
    if (!right) return false;
    kept_.push_back(range);
  }
  publishers.note_kept(id, frame(2), kept_);
  return true;
}

bool RepairPort::take_answer(Publishers& publishers, const std::string& id) {
  if (count_ != 5) return false;
  const std::array<std::string_view, 3> frames{frame(2), frame(3), frame(4)};
  envelope_.reset();
  const Envelope::Result opened = envelope_.open(frames.data(), frames.size());
  const Arrival& arrival = opened.arrival;
  if (opened.rejected != RejectReason::count_ || arrival.source.empty() ||
      is_reserved(arrival.topic))
    return false;
  publishers.take_answer(id, arrival);
  return true;
}

bool RepairPort::take_end(Publishers& publishers, const std::string& id) {
  SeqRange range;
  if (count_ != 6 || !read(frame(4), range.from) || !read(frame(5), range.to)) return false;
  publishers.take_end(id, frame(2), frame(3), range);
  return true;
}

// --- what they are told --------------------------------------------------------------------------

Sent RepairPort::hello(const std::string& id) noexcept {
  const std::string_view frames[] = {"hello"};
  return send(id, frames, 1);
}

Sent RepairPort::want(const std::string& id, std::string_view source, std::string_view topic,
                      SeqRange range) noexcept {
  const std::string from = std::to_string(range.from);
  const std::string to = std::to_string(range.to);
  const std::string_view frames[] = {"want", source, topic, from, to};
  return send(id, frames, 5);
}

Sent RepairPort::nothing(const std::string& id) noexcept {
  const std::string_view frames[] = {"nothing"};
  return send(id, frames, 1);
}

Sent RepairPort::send(const std::string& id, const std::string_view* frames,
                      std::size_t count) noexcept {
  touched_ = true;
  void* const socket = socket_.handle();
  if (zmq_send(socket, id.data(), id.size(), ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
    return zmq_errno() == EAGAIN ? Sent::full : Sent::gone;
  for (std::size_t i = 0; i < count; ++i) {
    const int flags = ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0);
    if (zmq_send(socket, frames[i].data(), frames[i].size(), flags) < 0) return Sent::gone;
  }
  return Sent::sent;
}

}  // namespace zws
