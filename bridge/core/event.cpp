#include "core/event.hpp"

#include <cassert>
#include <cstring>
#include <new>

namespace zws {

Event::Event(const Fields& fields) noexcept
    : topic_size_(static_cast<std::uint8_t>(fields.topic.size())),
      source_size_(static_cast<std::uint8_t>(fields.source.size())),
      key_size_(static_cast<std::uint8_t>(fields.key.size())),
      kind_(fields.kind),
      overflow_(fields.overflow),
      raw_(fields.raw),
      restart_(fields.restart),
      topic_id_(fields.topic_id),
      topic_hash_(fields.topic_hash),
      seq_(fields.seq),
      last_seq_(fields.last_seq),
      arrival_(fields.arrival),
      received_(fields.received) {
  assert(fields.topic.size() <= 255 && fields.source.size() <= 255 && fields.key.size() <= 255);
}

EventPtr Event::make(const Fields& fields, const std::vector<std::string_view>& frame) {
  std::size_t frame_size = 0;
  for (const std::string_view piece : frame) frame_size += piece.size();
  const std::size_t text_size =
      fields.topic.size() + fields.source.size() + fields.key.size() + frame_size;
  auto* event = new (::operator new(sizeof(Event) + text_size)) Event(fields);
  event->frame_size_ = frame_size;
  char* at = reinterpret_cast<char*>(event + 1);
  const auto append = [&at](std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  append(fields.topic);
  append(fields.source);
  append(fields.key);
  for (const std::string_view piece : frame) append(piece);
  return EventPtr(event);
}

void Event::let_go() const noexcept {
  if (holders_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  this->~Event();
  ::operator delete(const_cast<Event*>(this));
}

}  // namespace zws
