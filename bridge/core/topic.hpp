// Topic names: what a producer may write to and a client may listen to.
//
//   valid       import:task-1   wallet_updates   a   @all   @user/ada   温度/1
//   not valid   (empty)   import:*   a\nb   over 255 bytes   not UTF-8
//
// Names that start with '@' belong to the bridge: @all reaches every connection, @user/<id> every
// connection of that user. Any other '@' name is malformed to producers; of @stats the bridge itself
// is the only one, and administrators hear it.
//
// Thread: any; pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/keyed_hash.hpp"

namespace zws {

constexpr std::size_t topic_bytes_max = 255;
constexpr std::string_view topic_all = "@all";
constexpr std::string_view topic_user_prefix = "@user/";
constexpr std::string_view topic_stats = "@stats";

enum class TopicFault : std::uint8_t {
  none,
  empty,
  too_long,
  not_utf8,
  control,   // U+0000-U+001F, U+007F, U+0080-U+009F
  wildcard,  // '*' belongs to patterns
  reserved,  // starts with '@' and is neither @all nor @user/<id>
};

// The first thing wrong with `name` as a topic.
TopicFault topic_fault(std::string_view name) noexcept;

// The metric label and log word of a fault: "empty", "too_long", ...
std::string_view name_of(TopicFault fault) noexcept;

bool is_utf8(std::string_view text) noexcept;

// Whether valid UTF-8 `text` holds a control character (C0, DEL or C1).
bool has_control(std::string_view text) noexcept;

// A fixed hash of the name: the same in every thread of one process.
inline std::uint64_t topic_hash(std::string_view name) noexcept { return keyed_hash(name); }

inline bool is_reserved(std::string_view name) noexcept { return !name.empty() && name[0] == '@'; }

}  // namespace zws
