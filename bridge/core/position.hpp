// Position: a place in one source's stream on one topic, "SRC:SEQ" on the wire.
//
// Thread: any; a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zws {

constexpr std::size_t source_bytes_max = 64;

struct Position {
  std::string source;     // 1-64 of A-Za-z0-9_-
  std::uint64_t seq = 0;  // 0 = before the first event

  // Nothing unless `text` is SRC:SEQ with SEQ in 0 .. 2^63-1, written without sign or leading zeros.
  static std::optional<Position> parse(std::string_view text);

  std::string text() const { return source + ':' + std::to_string(seq); }

  friend bool operator==(const Position& a, const Position& b) noexcept {
    return a.seq == b.seq && a.source == b.source;
  }
};

bool is_source(std::string_view text) noexcept;

}  // namespace zws
