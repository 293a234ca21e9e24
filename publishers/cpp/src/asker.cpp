#include "asker.hpp"

#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "header.hpp"
#include "socket_options.hpp"

namespace zws {
namespace {

constexpr int messages_max = 64;  // in the socket's queue
constexpr std::size_t wants_max = 64;
constexpr std::uint64_t want_events_max = 1000;
constexpr std::size_t frames_max = 5;
constexpr int read_at_once = 256;  // messages
constexpr std::size_t piece_bytes = 64 * 1024;
// After a handshake that failed for good libzmq gives up. A bridge may learn of a key, and one that
// takes nothing for so long says hello on a new connection.
constexpr std::chrono::seconds reconnect_after{5};
constexpr std::chrono::seconds tell_every{1};
constexpr std::chrono::milliseconds quiet{250};  // then a bridge has all that it wants

// 0 for what is no number.
std::uint64_t number_of(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc{} && end == text.data() + text.size() ? number : 0;
}

// The frames of the next message, of which too many count as one too many; empty when there is no
// message.
std::vector<std::string> next_message(void* socket) {
  std::vector<std::string> frames;
  std::array<char, frame_bytes_max> frame;
  int more = 1;
  std::size_t size = sizeof more;
  while (more) {
    const int length = zmq_recv(socket, frame.data(), frame.size(), ZMQ_DONTWAIT);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return {};
    if (frames.size() <= frames_max) frames.emplace_back(frame.data(), length);
    zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size);
  }
  return frames;
}

}  // namespace

Asker::Asker(void* context, const std::string& endpoint, const PublisherOptions& options,
             Sent& sent, std::size_t number)
    : endpoint_(endpoint),
      sent_(sent),
      number_(number),
      socket_(zmq_socket(context, ZMQ_DEALER)),
      tell_at_(Clock::now() + tell_every),
      reached_(Clock::now()) {
  if (!socket_) throw PublisherError(std::string("no ZeroMQ socket: ") + zmq_strerror(errno));
  set_option(socket_, ZMQ_LINGER, 0);
  set_option(socket_, ZMQ_SNDHWM, messages_max);
  // Together: at each connection libzmq sends an empty message, which the bridge answers with its
  // hello, and what waited for the connection before is forgotten.
  set_option(socket_, ZMQ_PROBE_ROUTER, 1);
  set_option(socket_, ZMQ_IMMEDIATE, 1);
  try {
    set_common_options(socket_, endpoint_, options);
    attach(socket_, endpoint_, false);
  } catch (...) {
    zmq_close(socket_);
    throw;
  }
}

Asker::~Asker() { zmq_close(socket_); }

void Asker::read() {
  for (int i = 0; i < read_at_once; ++i) {
    const auto frames = next_message(socket_);
    if (frames.empty()) break;
    hear(frames);
  }
  const Clock::time_point now = Clock::now();
  if (has_room()) reached_ = now;
  if (now - reached_ < reconnect_after) return;
  reached_ = now;
  zmq_disconnect(socket_, endpoint_.c_str());
  zmq_connect(socket_, endpoint_.c_str());
}

void Asker::hear(const std::vector<std::string>& frames) {
  if (frames.size() == 1 && frames[0] == "hello") {
    greeted_ = true;
    next_of_all_ = 0;
    wants_.clear();  // of the connection before
    const std::lock_guard<std::mutex> lock(sent_.mutex);
    sent_.counters.unmark_all(number_);
    end_of_all_ = sent_.counters.size();  // later ones are marked
  }
  if (frames.size() != 5 || frames[0] != "want" || wants_.size() >= wants_max) return;
  const std::uint64_t from = number_of(frames[3]);
  const std::uint64_t to = number_of(frames[4]);
  if (from == 0 || to < from) return;
  wants_.push_back(
      {frames[1], frames[2], from, from + std::min(to - from, want_events_max - 1), from});
  busy_until_ = Clock::now() + quiet;
}

void Asker::write() {
  for (std::size_t bytes = 0; bytes < piece_bytes && !wants_.empty() && has_room();) {
    const auto sent = answer(wants_.front());
    if (!sent) return;
    bytes += *sent;
    busy_until_ = Clock::now() + quiet;
  }
  if (!greeted_ || !has_room() || is_too_early()) return;
  if (next_of_all_) {
    tell_all();
  } else if (Clock::now() >= tell_at_) {
    tell_changed();
  }
}

bool Asker::is_too_early() {
  const std::lock_guard<std::mutex> lock(sent_.mutex);
  return too_early_ = sent_.early;
}

void Asker::tell_now() noexcept {
  if (!greeted_ || !has_room()) return;
  tell_at_ = Clock::now();
  busy_until_ = tell_at_ + quiet;
}

// The size of what was sent: one event, or the end, with which the want goes. Nothing when there
// was no room.
std::optional<std::size_t> Asker::answer(Want& want) {
  if (find(want)) {
    if (!send(std::array<std::string_view, 4>{"event", want.topic, payload_, header_}))
      return std::nullopt;
    ++want.next;
    return payload_.size() + header_.size();
  }
  const std::array<std::string, 5> end{"end", want.source, want.topic, std::to_string(want.from),
                                       std::to_string(want.to)};
  if (!send(end)) return std::nullopt;
  wants_.pop_front();
  return 0;
}

// The next event that it can have, as payload_ and header_. False when there is no other.
bool Asker::find(Want& want) {
  const std::lock_guard<std::mutex> lock(sent_.mutex);
  if (want.source != sent_.counters.source()) return false;
  const Counter* const counter = sent_.counters.find(want.topic);
  if (!counter) return false;
  auto event = sent_.held.find(counter->trail, counter->seq, want.next);
  if (!event) {
    want.next = std::max(want.next, sent_.held.first(counter->trail, counter->seq));
    event = sent_.held.find(counter->trail, counter->seq, want.next);
  }
  if (!event || want.next > want.to) return false;
  payload_.assign(event->payload);
  header_.clear();
  append_header(header_, want.source, want.next, event->ts, event->key);
  return true;
}

void Asker::tell_all() {
  std::size_t next = *next_of_all_;
  const auto frames = have(sent_, [&]() -> const Counter* {
    const Counters& counters = sent_.counters;
    const std::size_t end = std::min(end_of_all_, counters.size());
    while (next < end && counters[next].topic.front() == '@') ++next;
    return next < end ? &counters[next++] : nullptr;
  });
  if (!frames.empty() && !send(frames)) return;
  next_of_all_ = frames.empty() ? std::nullopt : std::optional(next);
  tell_at_ = Clock::now() + tell_every;
}

void Asker::tell_changed() {
  tell_at_ = Clock::now() + tell_every;
  const auto frames = have(sent_, [this] { return sent_.counters.next_marked(number_); });
  if (frames.empty()) return;
  // Whom it does not reach has gone this moment, and is told of all when it is back.
  send(frames);
}

bool Asker::has_room() const noexcept {
  int events = 0;
  std::size_t size = sizeof events;
  zmq_getsockopt(socket_, ZMQ_EVENTS, &events, &size);
  return (events & ZMQ_POLLOUT) != 0;
}

template <typename Frames>
bool Asker::send(const Frames& frames) noexcept {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const int more = i + 1 < frames.size() ? ZMQ_SNDMORE : 0;
    int rc;
    do rc = zmq_send(socket_, frames[i].data(), frames[i].size(), ZMQ_DONTWAIT | more);
    while (rc < 0 && errno == EINTR);
    if (rc < 0) return false;  // only of the first: there is no room
  }
  return true;
}

}  // namespace zws
