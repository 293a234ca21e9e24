#include "exchange/kept_topics.hpp"

#include <cassert>

#include "core/topic.hpp"
#include "exchange/heap_bytes.hpp"

namespace zws {
namespace {

constexpr std::size_t tree_node = 32;

}  // namespace

const std::size_t KeptTopics::bytes_each =
    heap_bytes(sizeof(KeptTopic)) + heap_bytes(tree_node + sizeof(KeptTopic::ByName::value_type)) +
    AgeHeap::bytes_per_topic;

KeptTopics::~KeptTopics() {
  for (const auto& [name, topic] : names_) topics_.drop_kept(*topic->record);
}

KeptTopic& KeptTopics::add(std::string_view name, std::uint64_t hash) {
  KeptTopic& topic = topics_.add_kept(name, hash);
  try {
    topic.in_names = names_.emplace(topic.record->name(), &topic).first;
  } catch (...) {
    topics_.drop_kept(*topic.record);
    throw;
  }
  recent_.add(topic);
  if (is_reserved(name)) ++reserved_;
  return topic;
}

void KeptTopics::remove(KeptTopic& topic) noexcept {
  assert(topic.age_place == AgeHeap::nowhere);
  if (is_reserved(topic.record->name())) --reserved_;
  recent_.remove(topic);
  names_.erase(topic.in_names);
  topics_.drop_kept(*topic.record);
}

}  // namespace zws
