// The header of an unmasked, unfragmented WebSocket frame (RFC 6455, section 5.2), as servers send it.
//
// Thread: any; pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace zws {

enum class Opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

class FrameHeader {
 public:
  FrameHeader(Opcode opcode, std::uint64_t payload_bytes) noexcept;

  std::string_view bytes() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 10> text_{};
  std::size_t size_ = 0;
};

// A whole text frame.
std::string text_frame(std::string_view payload);

}  // namespace zws
