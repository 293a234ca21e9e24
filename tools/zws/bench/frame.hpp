// Frame: WebSocket frames as a load generator needs them: read in place, written masked with zeros.
//
// Thread: any; pure functions. RFC 6455 section 5.2; a server's frames are whole and unmasked, all
// else is broken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zws::tool {

struct Frame {
  enum Kind : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
  std::uint8_t kind = 0;
  std::string_view body;  // borrowed from the buffer it was read from
};

enum class FrameResult : std::uint8_t { whole, partial, broken };

// Reads the frame that starts at `at` and moves `at` past it; leaves `at` alone unless whole.
inline FrameResult next_frame(const char*& at, const char* end, Frame& frame) noexcept {
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  const std::uint64_t here = static_cast<std::uint64_t>(end - at);
  if (here < 2) return FrameResult::partial;
  std::uint64_t length = bytes[1];
  std::uint64_t head = 2;
  if (length == 126) {
    if (here < 4) return FrameResult::partial;
    length = static_cast<std::uint64_t>(bytes[2]) << 8 | bytes[3];
    head = 4;
  } else if (length == 127) {
    if (here < 10) return FrameResult::partial;
    length = 0;
    for (int i = 2; i < 10; ++i) length = length << 8 | bytes[i];
    head = 10;
  } else if (length > 127) {
    return FrameResult::broken;  // masked
  }
  if ((bytes[0] & 0xF0) != 0x80) return FrameResult::broken;  // a fragment, or reserved bits
  if (length > here - head) return FrameResult::partial;
  frame.kind = bytes[0] & 0x0F;
  frame.body = {at + head, static_cast<std::size_t>(length)};
  at += head + length;
  return FrameResult::whole;
}

// Appends a client's frame. The mask is zero: legal, and it leaves the body as it is.
inline void append_frame(std::string& out, Frame::Kind kind, std::string_view body) {
  out += static_cast<char>(0x80 | kind);
  if (body.size() < 126) {
    out += static_cast<char>(0x80 | body.size());
  } else if (body.size() < 65536) {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(body.size() >> 8);
    out += static_cast<char>(body.size());
  } else {
    out += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(body.size() >> shift);
  }
  out.append(4, '\0');
  out += body;
}

}  // namespace zws::tool
