#include "ingest/intake.hpp"

#include <algorithm>

namespace zws {
namespace {

constexpr std::size_t batch_messages_max = 256;
constexpr std::size_t batch_bytes_max = 65'536;
constexpr std::size_t batch_ignored_max = 2'048;  // frames

constexpr std::array<std::string_view, static_cast<std::size_t>(RejectReason::count_)> reject_words{
    "it has no payload; send two frames, topic and payload, or one with a space between them",
    "its topic is empty; the first frame is the topic, with no empty one before it",
    "its topic is longer than 255 bytes",
    "its topic is not UTF-8",
    "its topic holds control characters; send it without the NUL of C or a newline at its end",
    "its topic holds '*'",
    "its topic starts with '@' and is neither @all nor @user/<id>",
    "ingest.commands is false",
    "its payload is larger than limits.event_bytes",
    "it is a duplicate"};

}  // namespace

Intake::Intake(Sink& sink, Senders& senders, IngestMetrics& metrics)
    : sink_(sink), senders_(senders), metrics_(metrics), messages_(batch_messages_max) {}

bool Intake::drain(zmq::socket_t& socket, bool block) {
  arrivals_.clear();
  envelope_.reset();
  batch_bytes_ = 0;
  ignored_left_ = batch_ignored_max;
  // The drain before may have ended within a message.
  if (!pass_over_rest(socket)) return true;
  std::size_t slot = 0;
  bool whole = true;
  while (whole && slot < batch_messages_max && batch_bytes_ < batch_bytes_max &&
         receive(socket, slot, block && slot == 0)) {
    ++slot;
    whole = pass_over_rest(socket);
  }
  if (!arrivals_.empty()) sink_.accept(arrivals_.data(), arrivals_.size());
  let_go(slot);
  taken_ += slot;
  return !whole || slot == batch_messages_max || batch_bytes_ >= batch_bytes_max;
}

// What they hold counts as held by producers, and who knows when the next message comes.
void Intake::let_go(std::size_t slots) noexcept {
  for (std::size_t slot = 0; slot < slots; ++slot)
    for (zmq::message_t& frame : messages_[slot]) frame.rebuild();
}

// Receives the frames of one message that count into `slot`; false if there is none.
bool Intake::receive(zmq::socket_t& socket, std::size_t slot, bool block) {
  auto& frames = messages_[slot];
  std::size_t count = 0;
  for (bool more = true; more && count < frames_max;) {
    zmq::message_t& frame = frames[count];
    const bool first = count == 0;
    if (!socket.recv(frame, first && !block ? zmq::recv_flags::dontwait : zmq::recv_flags::none)) {
      if (first) return false;
      continue;  // the rest of a message is there or on its way
    }
    more = frame.more();
    batch_bytes_ += frame.size();
    ++count;
  }
  add(slot, count);
  return true;
}

// Ignores what is left of the message received last. False where a drain's share of that does not suffice: a
// message may have a million frames, and the lane has clients to look after. ZeroMQ gives nothing of another
// message before the last of them has been taken.
bool Intake::pass_over_rest(zmq::socket_t& socket) {
  zmq::message_t ignored;
  for (bool more = socket.get(zmq::sockopt::rcvmore) != 0; more;) {
    if (ignored_left_ == 0 || batch_bytes_ >= batch_bytes_max) return false;
    if (!socket.recv(ignored, zmq::recv_flags::none)) continue;
    more = ignored.more();
    --ignored_left_;
    batch_bytes_ += ignored.size();
  }
  return true;
}

void Intake::add(std::size_t slot, std::size_t count) {
  std::array<std::string_view, frames_max> frames;
  for (std::size_t i = 0; i < count; ++i) {
    const zmq::message_t& message = messages_[slot][i];
    frames[i] = {static_cast<const char*>(message.data()), message.size()};
  }
  const Envelope::Result opened = envelope_.open(frames.data(), count);
  if (opened.header_ignored) ignore_header(opened);
  if (opened.rejected != RejectReason::count_) return reject(opened);
  arrivals_.push_back(opened.arrival);
  arrivals_.back().connection = senders_.of(messages_[slot].front());
}

// What other software appends is none of our business; a header that is meant for us is.
void Intake::ignore_header(const Envelope::Result& opened) {
  metrics_.header_ignored.add();
  std::uint64_t suppressed = 0;
  if (opened.wrong_member.empty() || !header_log_.pass(suppressed)) return;
  log::warning("ignored the header of an event on topic \"{}\": its \"{}\" is not as it must be{}",
               log::escaped(opened.arrival.topic, 48), opened.wrong_member, log::more(suppressed));
}

void Intake::reject(const Envelope::Result& opened) {
  const auto reason = static_cast<std::size_t>(opened.rejected);
  metrics_.rejected[reason].add();
  std::uint64_t suppressed = 0;
  if (!reject_logs_[reason].pass(suppressed)) return;
  const std::string size = opened.rejected == RejectReason::too_big
                               ? fmt::format(" ({} bytes)", opened.arrival.payload.size())
                               : std::string();
  log::warning("dropped an event on topic \"{}\": {}{}{}", log::escaped(opened.arrival.topic, 48),
               reject_words[reason], size, log::more(suppressed));
}

}  // namespace zws
