#include "core/topic.hpp"

namespace zws {
namespace {

// The number of bytes of the valid UTF-8 sequence at `at`, 0 if there is none.
std::size_t sequence_size(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto continues = [&](std::size_t i, unsigned low, unsigned high) {
    return at + i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  if (first < 0xE0) return continues(1, 0x80, 0xBF) ? 2 : 0;
  if (first < 0xF0) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;   // no overlong forms
    const unsigned high = first == 0xED ? 0x9F : 0xBF;  // no surrogates
    return continues(1, low, high) && continues(2, 0x80, 0xBF) ? 3 : 0;
  }
  const unsigned low = first == 0xF0 ? 0x90 : 0x80;
  const unsigned high = first == 0xF4 ? 0x8F : 0xBF;  // nothing above U+10FFFF
  return continues(1, low, high) && continues(2, 0x80, 0xBF) && continues(3, 0x80, 0xBF) ? 4 : 0;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = sequence_size(text, i);
    if (size == 0) return false;
    i += size;
  }
  return true;
}

bool has_control(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F) return true;
    // C1 controls, U+0080 to U+009F, are C2 80 to C2 9F.
    if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0)
      return true;
  }
  return false;
}

TopicFault topic_fault(std::string_view name) noexcept {
  if (name.empty()) return TopicFault::empty;
  if (name.size() > topic_bytes_max) return TopicFault::too_long;
  if (!is_utf8(name)) return TopicFault::not_utf8;
  if (has_control(name)) return TopicFault::control;
  if (name.find('*') != std::string_view::npos) return TopicFault::wildcard;
  const bool to_user = name.size() > topic_user_prefix.size() &&
                       name.substr(0, topic_user_prefix.size()) == topic_user_prefix;
  if (is_reserved(name) && name != topic_all && !to_user) return TopicFault::reserved;
  return TopicFault::none;
}

std::string_view name_of(TopicFault fault) noexcept {
  switch (fault) {
    case TopicFault::none: return "none";
    case TopicFault::empty: return "topic_empty";
    case TopicFault::too_long: return "topic_too_long";
    case TopicFault::not_utf8: return "topic_not_utf8";
    case TopicFault::control: return "topic_control";
    case TopicFault::wildcard: return "topic_wildcard";
    case TopicFault::reserved: return "topic_reserved";
  }
  return "none";
}

}  // namespace zws
