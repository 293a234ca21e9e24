#include "ingest/senders.hpp"

#include <cstdlib>
#include <utility>

namespace zws {
namespace {

constexpr unsigned looks_max = 10;  // a producer's high-water mark has been taken by then

}  // namespace

// What ZMQ_SRCFD reads, too.
const char* Senders::property(const zmq::message_t& message) noexcept {
  return zmq_msg_gets(message.handle(), "__fd");
}

std::uint64_t Senders::of(const char* descriptor) {
  if (descriptor == nullptr) return Arrival::no_connection;
  if (descriptor == last_) return last_number_;
  const auto known = numbers_.find(descriptor);
  const std::uint64_t number = known != numbers_.end() ? known->second : meet(descriptor);
  if (number == Arrival::over) return number;
  last_ = descriptor;
  last_number_ = number;
  return number;
}

std::uint64_t Senders::meet(const char* descriptor) {
  const std::uint64_t number = find_(std::atoi(descriptor));
  if (number == 0) return Arrival::over;
  const bool fresh = texts_.count(number) == 0;
  numbers_.emplace(descriptor, number);
  texts_.emplace(number, descriptor);
  if (fresh) sink_.opened(number);
  return number;
}

void Senders::ended(std::uint64_t number) { ended_.push_back(number); }

void Senders::nothing_waits() {
  looks_ = 0;
  for (const std::uint64_t number : std::exchange(ended_, {})) {
    const auto [first, end] = texts_.equal_range(number);
    if (first == end) continue;  // nothing ever came over it
    for (auto text = first; text != end; ++text) numbers_.erase(text->second);
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
