// FrameMeter: what a client's frames cost besides whole messages, each of which costs one as it is
// (Requests::within_rate). It reads the heads of frames as they come, so that what never becomes a message
// has a price, too:
//
//   a ping or close                            1
//   a pong                                     the session knows which of them it asked for
//   a frame that goes on with a message        1
//   each 64 KiB of a message behind the first  1
//
// Thread: its lane only. Lifetime: its session's. Cost: a few steps a frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zws {

class FrameMeter {
 public:
  struct Seen {
    std::size_t cost = 0;
    std::size_t pongs = 0;
  };

  // The next bytes, wherever they begin and end.
  Seen read(std::string_view bytes) noexcept;

  // What has come of a message that has not ended.
  std::size_t unfinished() const noexcept { return message_bytes_; }

 private:
  bool is_control() const noexcept { return (first_ & 0x08) != 0; }
  void read_head(unsigned char byte) noexcept;
  void begin_frame(Seen& seen) const noexcept;
  void read_payload(std::size_t size, Seen& seen) noexcept;
  void end_frame() noexcept;

  std::uint64_t payload_left_ = 0;
  std::size_t message_bytes_ = 0;
  std::uint8_t head_read_ = 0;  // bytes of this frame's head
  std::uint8_t head_size_ = 2;
  std::uint8_t length_bytes_ = 0;  // of them behind the second
  std::uint8_t first_ = 0;
};

}  // namespace zws
