#include "core/ws_frame.hpp"

namespace zws {
namespace {

constexpr unsigned fin = 0x80;
constexpr std::uint64_t short_max = 125;
constexpr std::uint64_t medium_max = 65'535;

}  // namespace

FrameHeader::FrameHeader(Opcode opcode, std::uint64_t payload_bytes) noexcept {
  text_[0] = static_cast<char>(fin | static_cast<unsigned>(opcode));
  std::size_t length_bytes = 0;
  if (payload_bytes <= short_max) {
    text_[1] = static_cast<char>(payload_bytes);
  } else {
    length_bytes = payload_bytes <= medium_max ? 2 : 8;
    text_[1] = static_cast<char>(length_bytes == 2 ? 126 : 127);
  }
  for (std::size_t i = 0; i < length_bytes; ++i) {
    text_[2 + i] = static_cast<char>(payload_bytes >> (8 * (length_bytes - 1 - i)));
  }
  size_ = 2 + length_bytes;
}

std::string text_frame(std::string_view payload) {
  const FrameHeader header(Opcode::text, payload.size());
  std::string frame;
  frame.reserve(header.bytes().size() + payload.size());
  frame.append(header.bytes()).append(payload);
  return frame;
}

}  // namespace zws
