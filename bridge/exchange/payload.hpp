// PayloadReader: what kind of thing a payload is, and the few members the bridge must know.
//
// Thread: one at a time; buffers are reused. Cost: one simdjson pass over a copy of the payload; a
// second one only for JSON that simdjson is too strict about (numbers beyond double or 64 bits, lone
// surrogate escapes, nesting deeper than 1,024), which is valid and must pass byte for byte.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace zws {

enum class PayloadKind : std::uint8_t {
  typed_object,  // a JSON object with a string member `type`
  json,          // any other JSON
  text,          // UTF-8 that is not JSON
  bytes,         // anything else
};

enum class TopicMember : std::uint8_t { absent, same, different };

struct PayloadFacts {
  PayloadKind kind = PayloadKind::bytes;
  TopicMember topic = TopicMember::absent;  // of a typed_object
  bool names_at_topic = false;              // a typed_object that has an "@topic" of its own
  std::string_view key;  // the wanted member's own bytes (a string's content); empty if absent.
                         // Valid until the next read().
};

class PayloadReader {
 public:
  PayloadReader();
  ~PayloadReader();

  // Of a member that appears twice the last one counts, as for JSON.parse.
  // `key_member` empty = no key wanted.
  PayloadFacts read(std::string_view payload, std::string_view topic, std::string_view key_member);

 private:
  struct Parsers;

  std::unique_ptr<Parsers> parsers_;
  std::string padded_;
  std::string key_;
};

// Whether `text` is valid UTF-8 (simdjson's vector code; for long payloads).
bool is_utf8_payload(std::string_view text) noexcept;

}  // namespace zws
