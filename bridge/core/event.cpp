#include "core/event.hpp"

#include <cassert>

namespace zws {

Event::Event(const Fields& fields, const std::vector<std::string_view>& frame)
    : topic_hash_(fields.topic_hash),
      seq_(fields.seq),
      last_seq_(fields.last_seq),
      received_(fields.received),
      topic_size_(static_cast<std::uint8_t>(fields.topic.size())),
      source_size_(static_cast<std::uint8_t>(fields.source.size())),
      key_size_(static_cast<std::uint8_t>(fields.key.size())),
      kind_(fields.kind),
      overflow_(fields.overflow),
      raw_(fields.raw),
      restart_(fields.restart) {
  assert(fields.topic.size() <= 255 && fields.source.size() <= 255 && fields.key.size() <= 255);
  std::size_t size = fields.topic.size() + fields.source.size() + fields.key.size();
  for (const std::string_view piece : frame) size += piece.size();
  bytes_.reserve(size);
  bytes_.append(fields.topic).append(fields.source).append(fields.key);
  for (const std::string_view piece : frame) bytes_.append(piece);
}

}  // namespace zws
