// TlsWire: a wire that encrypts with OpenSSL, straight over the descriptor.
//
// OpenSSL's own way of not blocking (come again with the same bytes) does not fit a queue that may
// drop what waits. So its output is never refused: what the socket does not take of a record is held
// here, and until that has left no further record is made. At most one record (16 KiB) is thus taken
// ahead of the socket, and held() says exactly how much of it has not left.
//
// Thread: its lane only. Lifetime: borrows the descriptor; keeps what it needs of the certificate.
// Memory: while nothing is on its way neither side keeps a record buffer.
#pragma once

#include <memory>
#include <string>

#include "client/wire.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace zws {

class TlsWire final : public Wire {
 public:
  // Throws std::bad_alloc.
  TlsWire(int descriptor, ssl_ctx_st& rules);

  ssize_t write(std::string_view bytes) noexcept override;
  ssize_t write(const iovec* pieces, std::size_t count) noexcept override;
  ssize_t flush() noexcept override;
  ssize_t read(char* buffer, std::size_t size) noexcept override;
  bool buffered() const noexcept override;
  // Says close_notify and does not wait for the peer's.
  void shutdown() noexcept override;
  // A plain HTTP request is answered with 400 before it is failed.
  Handshake handshake() noexcept override;
  std::string_view handshake_fault() const noexcept override { return fault_; }
  bool secure() const noexcept override { return true; }

  // --- for OpenSSL: its socket ---
  // False when the socket is broken.
  bool put(std::string_view bytes) noexcept;
  ssize_t take(char* buffer, std::size_t size) noexcept { return Wire::read(buffer, size); }

 private:
  enum class Phase : std::uint8_t { agreeing, open, ended };

  struct Free {
    void operator()(ssl_st* ssl) const noexcept;
  };

  Handshake fail_handshake(bool peer_left) noexcept;

  std::unique_ptr<ssl_st, Free> ssl_;
  std::string rest_;  // of records that the socket did not take
  std::size_t rest_begin_ = 0;
  std::string_view fault_;
  Phase phase_ = Phase::agreeing;
};

}  // namespace zws
