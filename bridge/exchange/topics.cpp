#include "exchange/topics.hpp"

#include <cstring>
#include <new>
#include <utility>

namespace zws {

std::unique_ptr<Topic> Topic::make(std::string_view name, std::uint64_t hash) {
  void* block = ::operator new(sizeof(Topic) + name.size());
  std::unique_ptr<Topic> topic(new (block) Topic(hash, name.size()));
  std::memcpy(static_cast<char*>(block) + sizeof(Topic), name.data(), name.size());
  return topic;
}

Topics::~Topics() {
  for (const Table& table : tables_)
    for (const Topic* topic : table) delete topic;
}

template <typename Part>
Part& Topics::add(std::unique_ptr<Part> Topic::*part, std::string_view name, std::uint64_t hash) {
  auto made = std::make_unique<Part>();
  Topic& topic = record(name, hash);
  leave(topic);
  made->record = &topic;
  topic.*part = std::move(made);
  enter(topic);
  return *(topic.*part);
}

TopicSources& Topics::add_sources(std::string_view name, std::uint64_t hash) {
  return add(&Topic::sources, name, hash);
}

void Topics::drop_sources(Topic& topic) noexcept {
  leave(topic);
  topic.sources.reset();
  settle(topic);
}

KeptTopic& Topics::add_kept(std::string_view name, std::uint64_t hash) {
  return add(&Topic::kept, name, hash);
}

void Topics::drop_kept(Topic& topic) noexcept {
  leave(topic);
  topic.kept.reset();
  settle(topic);
}

void Topics::pin(std::string_view name, std::uint64_t hash, SteadyTime now, std::size_t lane) {
  Topic& topic = record(name, hash);
  leave(topic);
  if (topic.holders++ == 0) topic.held_from = now;
  topic.lanes |= lane_bit(lane);
  enter(topic);
}

void Topics::unpin(std::string_view name, std::uint64_t hash, std::size_t lane) noexcept {
  Topic* topic = find(name, hash);
  if (topic == nullptr || !topic->held()) return;
  leave(*topic);
  if (--topic->holders == 0) {
    topic->lanes = 0;
  } else if (!is_shared(lane_bit(lane))) {
    topic->lanes &= ~lane_bit(lane);
  }
  settle(*topic);
}

// The topic's, which is made if there is none yet.
Topic& Topics::record(std::string_view name, std::uint64_t hash) {
  if (Topic* known = find(name, hash)) return *known;
  auto made = Topic::make(name, hash);
  tables_.of(hash).insert(made.get());
  enter(*made);
  return *made.release();
}

Topics::Owner Topics::owner_of(const Topic& topic) noexcept {
  if (topic.sources) return with_sources;
  return topic.kept ? kept_only : held_only;
}

void Topics::enter(const Topic& topic) noexcept { bytes_[owner_of(topic)] += topic.bytes(); }
void Topics::leave(const Topic& topic) noexcept { bytes_[owner_of(topic)] -= topic.bytes(); }

// The record has lost something: it has another owner, or none.
void Topics::settle(Topic& topic) noexcept {
  if (topic.held() || topic.sources || topic.kept) return enter(topic);
  const std::unique_ptr<Topic> gone(&topic);
  if (expected_ == &topic) expected_ = nullptr;
  tables_.of(topic.hash).erase(&topic);
}

void Topics::shrink() {
  int left = 4;
  for (Table& table : tables_) {
    if (table.bucket_count() < 64 || table.size() * 8 > table.bucket_count()) continue;
    table.rehash(0);
    if (--left == 0) return;
  }
}

void Topics::shrink_all() {
  for (Table& table : tables_) table.rehash(0);
}

}  // namespace zws
