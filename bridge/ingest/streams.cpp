#include "ingest/streams.hpp"

#include "core/topic.hpp"

namespace zws {
namespace {

// Of a table, with its bucket and what malloc adds.
constexpr std::size_t stream_node_bytes = 40;
constexpr std::size_t source_node_bytes = 64;
constexpr std::size_t allocated_bytes = 16;  // beside what was asked malloc for
constexpr std::size_t to_ask_bytes = 80;  // with one range; more there are only where more is held
constexpr int looks_for_room = 8;

}  // namespace

Streams::Streams(std::function<void(RepairStream&)> on_forget) : on_forget_(std::move(on_forget)) {}

Streams::~Streams() = default;

std::uint64_t Streams::id_of(std::string_view topic, std::string_view source) noexcept {
  const std::uint64_t hash = topic_hash(source);
  return topic_hash(topic) ^ (hash << 31U | hash >> 33U);
}

std::size_t Streams::bytes_of(const RepairStream& stream) noexcept {
  const std::size_t capacity = stream.topic.capacity();
  const bool within = capacity == std::string().capacity();
  return sizeof stream + (within ? 0 : capacity + allocated_bytes) + stream_node_bytes +
         to_ask_bytes;
}

RepairStream* Streams::find(std::string_view topic, std::string_view source) const noexcept {
  RepairStream* const stream = find(id_of(topic, source));
  const bool same = stream != nullptr && stream->topic == topic && stream->source->name == source;
  return same ? stream : nullptr;
}

RepairStream* Streams::find(std::uint64_t id) const noexcept {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

// Two that have one id cannot both be known; the one that is heard now is.
RepairStream& Streams::add(std::string_view topic, RepairSource& source) {
  ++source.streams;  // it stays, whatever is forgotten
  const std::uint64_t id = id_of(topic, source.name);
  if (RepairStream* const same = find(id)) forget(*same);
  make_room();
  RepairStream made;
  made.id = id;
  made.topic = topic;
  made.source = &source;
  RepairStream& stream = streams_.emplace(id, std::move(made)).first->second;
  link(stream);
  bytes_ += bytes_of(stream);
  return stream;
}

// Who was heard from lately is passed over, a few times.
void Streams::make_room() {
  for (int spared = 0; full() && oldest_ != nullptr;) {
    RepairStream& oldest = *oldest_;
    if (oldest.recent && spared++ < looks_for_room) {
      oldest.recent = false;
      unlink(oldest);
      link(oldest);
      continue;
    }
    forget(oldest);
  }
}

void Streams::forget(RepairStream& stream) {
  on_forget_(stream);
  RepairSource& source = *stream.source;
  source.forgot = true;
  unlink(stream);
  bytes_ -= bytes_of(stream);
  const std::uint64_t id = stream.id;
  streams_.erase(id);
  --source.streams;
  let_go_if_unused(source);
}

RepairSource& Streams::source(std::string_view name) {
  std::unique_ptr<RepairSource>& source = sources_[std::string(name)];
  if (source) return *source;
  source = std::make_unique<RepairSource>();
  source->name = name;
  bytes_ += sizeof(RepairSource) + 2 * name.size() + source_node_bytes;
  return *source;
}

void Streams::let_go_if_unused(RepairSource& source) noexcept {
  if (source.streams > 0 || source.owner != nullptr) return;
  bytes_ -= sizeof(RepairSource) + 2 * source.name.size() + source_node_bytes;
  const auto found = sources_.find(source.name);
  if (found != sources_.end()) sources_.erase(found);
}

void Streams::link(RepairStream& stream) noexcept {
  stream.older = newest_;
  stream.newer = nullptr;
  (newest_ != nullptr ? newest_->newer : oldest_) = &stream;
  newest_ = &stream;
}

void Streams::unlink(RepairStream& stream) noexcept {
  (stream.older != nullptr ? stream.older->newer : oldest_) = stream.newer;
  (stream.newer != nullptr ? stream.newer->older : newest_) = stream.older;
}

}  // namespace zws
