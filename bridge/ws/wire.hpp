// Wire: the bytes of one connection, plain or (see tls.hpp) encrypted, never blocking.
//
// Thread: its lane only. Lifetime: borrows the descriptor, which the transport owns.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
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

  // Bytes taken (> 0), or blocked, or broken.
  virtual ssize_t write(std::string_view bytes) noexcept;
  virtual ssize_t write(const iovec* pieces, std::size_t count) noexcept;

  // Bytes read (> 0), 0 at the end, or blocked, or broken.
  virtual ssize_t read(char* buffer, std::size_t size) noexcept;

  // No more will be written; the peer sees the end.
  virtual void shutdown() noexcept;

  enum class Handshake { done, wants_read, wants_write, failed };

  // Goes on with what must be agreed on before the first byte; nothing on a plain wire.
  virtual Handshake handshake() noexcept { return Handshake::done; }

  virtual bool secure() const noexcept { return false; }

 private:
  const int descriptor_;
};

}  // namespace zws
