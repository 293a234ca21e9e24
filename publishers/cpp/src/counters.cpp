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

Counters::Counters(std::size_t topics, std::size_t bridges)
    : topics_(std::max<std::size_t>(topics, 1)),
      all_bridges_(bridges == bridges_max ? ~std::uint64_t{0} : (std::uint64_t{1} << bridges) - 1),
      untold_(bridges) {
  begin_anew();
}

Counter* Counters::next(std::string_view topic) {
  const auto found = by_topic_.find(topic);
  if (found != by_topic_.end()) {
    ++found->second->seq;
    return found->second;
  }
  if (topic_fault(topic) != TopicFault::none) return nullptr;
  if (counters_.size() >= topics_) begin_anew();
  Counter& counter = counters_.emplace_back();
  counter.topic = topic;
  counter.seq = 1;
  by_topic_.emplace(counter.topic, &counter);
  return &counter;
}

const Counter* Counters::find(std::string_view topic) const noexcept {
  const auto found = by_topic_.find(topic);
  return found == by_topic_.end() ? nullptr : found->second;
}

void Counters::mark_for_the_rest(Counter& counter) {
  for (std::size_t bridge = 0; bridge < untold_.size(); ++bridge)
    if ((counter.untold >> bridge & 1) == 0) untold_[bridge].push_back(&counter);
  counter.untold = all_bridges_;
}

const Counter* Counters::next_marked(std::size_t bridge) noexcept {
  std::deque<Counter*>& untold = untold_[bridge];
  if (untold.empty()) return nullptr;
  Counter* const counter = untold.front();
  untold.pop_front();
  counter->untold &= ~(std::uint64_t{1} << bridge);
  return counter;
}

void Counters::begin_anew() {
  for (auto& untold : untold_) untold.clear();
  by_topic_.clear();
  counters_.clear();
  source_ = random_source();
}

}  // namespace zws
