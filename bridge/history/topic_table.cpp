#include "history/topic_table.hpp"

#include <cassert>

#include "history/heap_bytes.hpp"

namespace zws {

Topic* TopicTable::find(std::string_view name, std::uint64_t hash) noexcept {
  const Index& index = index_.of(hash);
  const auto found = index.find(name, static_cast<std::size_t>(hash));
  return found == index.end() ? nullptr : *found;
}

Topic& TopicTable::add(std::string_view name, std::uint64_t hash) {
  auto made = std::make_unique<Topic>();
  Topic& topic = *made;
  topic.name = name;
  topic.hash = hash;
  Index& index = index_.of(hash);
  const std::size_t before = bytes_of(index);
  index.insert(&topic);
  index_bytes_ += bytes_of(index) - before;
  topic.in_names = names_.emplace(std::string_view(topic.name), std::move(made)).first;
  topics_bytes_ += bytes_of(topic);
  link_newest(topic);
  return topic;
}

void TopicTable::remove(Topic& topic) noexcept {
  assert(topic.age_place == AgeHeap::nowhere);
  unlink(topic);
  topics_bytes_ -= bytes_of(topic);
  index_.of(topic.hash).erase(&topic);
  names_.erase(topic.in_names);
}

void TopicTable::heard(Topic& topic) noexcept {
  if (&topic == newest_) return;
  unlink(topic);
  link_newest(topic);
}

void TopicTable::link_newest(Topic& topic) noexcept {
  topic.older = newest_;
  topic.newer = nullptr;
  (newest_ != nullptr ? newest_->newer : oldest_) = &topic;
  newest_ = &topic;
}

void TopicTable::unlink(Topic& topic) noexcept {
  (topic.older != nullptr ? topic.older->newer : oldest_) = topic.newer;
  (topic.newer != nullptr ? topic.newer->older : newest_) = topic.older;
}

void TopicTable::shrink() {
  int left = 4;
  for (Index& index : index_) {
    if (index.bucket_count() < 64 || index.size() * 8 > index.bucket_count()) continue;
    const std::size_t before = bytes_of(index);
    index.rehash(0);
    index_bytes_ += bytes_of(index) - before;
    if (--left == 0) return;
  }
}

std::size_t TopicTable::bytes_of(const Index& index) noexcept {
  // A bucket: what lies in the neighbourhood, the hash, the pointer.
  return index.bucket_count() == 0 ? 0 : heap_bytes((index.bucket_count() + 29) * 16);
}

std::size_t TopicTable::bytes_of(const Topic& topic) noexcept {
  constexpr std::size_t tree_node = 32;
  return heap_bytes(sizeof(Topic)) + heap_bytes(topic.name) +
         heap_bytes(tree_node + sizeof(Topic::ByName::value_type)) + AgeHeap::bytes_per_topic;
}

}  // namespace zws
