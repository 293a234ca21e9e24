#include "ingest/senders.hpp"

#include <cstdlib>
#include <utility>

namespace zws {
namespace {

constexpr unsigned looks_max = 10;  // a producer's high-water mark has been taken by then
constexpr std::size_t kept_bytes_max = 8192;

}  // namespace

// What ZMQ_SRCFD reads, too.
const char* Senders::property(const zmq::message_t& message) noexcept {
  return zmq_msg_gets(message.handle(), "__fd");
}

std::uint64_t Senders::of(const char* descriptor, zmq::message_t* message) {
  if (descriptor == nullptr) return Arrival::no_connection;
  if (descriptor == last_) return last_number_;
  const auto found = known_.find(descriptor);
  Known* const known = found != known_.end() ? &found->second : meet(descriptor);
  if (known == nullptr) return Arrival::over;
  if (message != nullptr && !known->keeps) {
    if (message->size() > kept_bytes_max) return known->number;  // the next may be kept
    known->kept.copy(*message);
    known->keeps = true;
  }
  last_ = descriptor;
  return last_number_ = known->number;
}

// Nullptr if it is over.
Senders::Known* Senders::meet(const char* descriptor) {
  const std::uint64_t number = find_(std::atoi(descriptor));
  if (number == 0) return nullptr;
  const bool fresh = texts_.count(number) == 0;
  Known& known = known_.emplace(descriptor, Known{number, false, {}}).first->second;
  texts_.emplace(number, descriptor);
  if (fresh) sink_.opened(number);
  return &known;
}

void Senders::ended(std::uint64_t number) { ended_.push_back(number); }

void Senders::nothing_waits() {
  looks_ = 0;
  for (const std::uint64_t number : std::exchange(ended_, {})) {
    const auto [first, end] = texts_.equal_range(number);
    if (first == end) continue;  // nothing ever came over it
    for (auto text = first; text != end; ++text) known_.erase(text->second);
    texts_.erase(first, end);
    last_ = nullptr;
    sink_.ended(number);
  }
}

void Senders::note_look() {
  if (!ended_.empty() && ++looks_ > looks_max) nothing_waits();
}

void Senders::all_ended() {
  ended_.clear();
  for (const auto& [number, text] : texts_) ended_.push_back(number);
  nothing_waits();
}

}  // namespace zws
