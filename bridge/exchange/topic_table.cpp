#include "exchange/topic_table.hpp"

#include <cassert>

#include "core/topic.hpp"
#include "exchange/heap_bytes.hpp"

namespace zws {

Topic& TopicTable::add(std::string_view name, std::uint64_t hash) {
  auto made = std::make_unique<Topic>();
  Topic& topic = *made;
  topic.name = name;
  topic.hash = hash;
  index_.add(topic);
  topic.in_names = names_.emplace(std::string_view(topic.name), std::move(made)).first;
  topics_bytes_ += bytes_of(topic);
  if (is_reserved(name)) ++reserved_;
  return topic;
}

void TopicTable::remove(Topic& topic) noexcept {
  assert(topic.age_place == AgeHeap::nowhere);
  topics_bytes_ -= bytes_of(topic);
  if (is_reserved(topic.name)) --reserved_;
  index_.remove(topic);
  by_id_.drop(topic);
  names_.erase(topic.in_names);
}

std::size_t TopicTable::bytes_of(const Topic& topic) noexcept {
  constexpr std::size_t tree_node = 32;
  return heap_bytes(sizeof(Topic)) + heap_bytes(topic.name) +
         heap_bytes(tree_node + sizeof(Topic::ByName::value_type)) + AgeHeap::bytes_per_topic;
}

}  // namespace zws
