#include "counters.hpp"

#include <algorithm>
#include <random>

#include "core/topic.hpp"

namespace zws {
namespace {

// 16 characters of 6 random bits: no two lives of counters meet.
std::string random_source() {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::random_device random;  // the kernel's generator
  std::string source(16, '\0');
  for (char& c : source) c = alphabet[random() % alphabet.size()];
  return source;
}

}  // namespace

Counters::Counters(std::size_t topics) : topics_(std::max<std::size_t>(topics, 1)) { begin_anew(); }

std::uint64_t Counters::next(std::string_view topic) {
  const auto found = by_topic_.find(topic);
  if (found != by_topic_.end()) return ++found->second->seq;
  if (topic_fault(topic) != TopicFault::none) return 0;
  if (counters_.size() >= topics_) begin_anew();
  Counter& counter = counters_.emplace_back(Counter{std::string(topic), 1});
  by_topic_.emplace(counter.topic, &counter);
  return counter.seq;
}

void Counters::begin_anew() {
  by_topic_.clear();
  counters_.clear();
  source_ = random_source();
}

}  // namespace zws
