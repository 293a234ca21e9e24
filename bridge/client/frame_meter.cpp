#include "client/frame_meter.hpp"

#include <algorithm>

namespace zws {
namespace {

constexpr std::size_t portion_bytes = 65'536;
constexpr unsigned pong = 0x0A;

std::size_t portions(std::size_t bytes) noexcept {
  return std::max<std::size_t>(1, (bytes + portion_bytes - 1) / portion_bytes);
}

}  // namespace

FrameMeter::Seen FrameMeter::read(std::string_view bytes) noexcept {
  Seen seen;
  while (!bytes.empty()) {
    std::size_t size = 1;
    if (head_read_ < head_size_) {
      read_head(static_cast<unsigned char>(bytes.front()));
      if (head_read_ == head_size_) begin_frame(seen);
    } else {
      size = static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, bytes.size()));
      read_payload(size, seen);
    }
    bytes.remove_prefix(size);
    if (head_read_ == head_size_ && payload_left_ == 0) end_frame();
  }
  return seen;
}

void FrameMeter::read_head(unsigned char byte) noexcept {
  const unsigned at = head_read_++;
  if (at == 0) {
    first_ = byte;
  } else if (at == 1) {
    const unsigned length = byte & 0x7FU;
    length_bytes_ = length < 126 ? 0 : length == 126 ? 2 : 8;
    payload_left_ = length < 126 ? length : 0;
    const unsigned mask_bytes = (byte & 0x80U) != 0 ? 4 : 0;
    head_size_ = static_cast<std::uint8_t>(2 + length_bytes_ + mask_bytes);
  } else if (at < 2U + length_bytes_) {
    payload_left_ = payload_left_ << 8 | byte;
  }
}

void FrameMeter::begin_frame(Seen& seen) const noexcept {
  const unsigned opcode = first_ & 0x0FU;
  if (opcode == pong) {
    ++seen.pongs;
  } else if (is_control() || opcode == 0) {
    ++seen.cost;
  }
}

void FrameMeter::read_payload(std::size_t size, Seen& seen) noexcept {
  payload_left_ -= size;
  if (is_control()) return;
  seen.cost += portions(message_bytes_ + size) - portions(message_bytes_);
  message_bytes_ += size;
}

void FrameMeter::end_frame() noexcept {
  const bool last = (first_ & 0x80U) != 0;
  if (last && !is_control()) message_bytes_ = 0;
  head_read_ = 0;
  head_size_ = 2;
}

}  // namespace zws
