// Wire: the bytes of one connection, plain or (tls_wire.hpp) encrypted, never blocking.
//
// Thread: its lane only. Lifetime: borrows the descriptor, which the transport owns.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zws {

class Wire {
 public:
  // What a read or write came to.
  enum : ssize_t { blocked = -1, broken = -2 };

  explicit Wire(int descriptor) noexcept : descriptor_(descriptor) {}
  virtual ~Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  int descriptor() const noexcept { return descriptor_; }

  // Bytes taken (> 0), or blocked, or broken. What is taken leaves before anything written later,
  // but not always at once: see held().
  virtual ssize_t write(std::string_view bytes) noexcept;
  virtual ssize_t write(const iovec* pieces, std::size_t count) noexcept;

  // Bytes that were taken and that the socket has not: an encrypted record cannot be taken back or
  // cut. None on a plain wire.
  std::size_t held() const noexcept { return held_; }

  // Gives the socket what is held: bytes that left, or blocked, or broken.
  virtual ssize_t flush() noexcept { return 0; }

  // Bytes read (> 0), 0 at the end, or blocked, or broken.
  virtual ssize_t read(char* buffer, std::size_t size) noexcept;

  // Whether read() has bytes that the socket no longer has, so that waiting for it would be in vain.
  virtual bool buffered() const noexcept { return false; }

  // No more will be written; the peer sees the end. What read() then gives is of no use to anyone.
  virtual void shutdown() noexcept;

  enum class Handshake : std::uint8_t { done, wants_read, wants_write, failed, refused };

  // Goes on with what must be agreed on before the first byte; nothing on a plain wire. Who is refused
  // has been answered.
  virtual Handshake handshake() noexcept { return Handshake::done; }

  // Why it failed, in a few words; empty if the peer just went away.
  virtual std::string_view handshake_fault() const noexcept { return {}; }

  // The client's address, once the handshake is done, if a proxy has told it.
  virtual std::string_view client() const noexcept { return {}; }

  virtual bool secure() const noexcept { return false; }

 protected:
  void set_held(std::size_t bytes) noexcept { held_ = static_cast<std::uint32_t>(bytes); }

 private:
  const int descriptor_;
  std::uint32_t held_ = 0;
};

}  // namespace zws
