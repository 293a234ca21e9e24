#include "port/tls_wire.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "core/http.hpp"

namespace zws {
namespace {

constexpr std::size_t record_bytes = SSL3_RT_MAX_PLAIN_LENGTH;

// A record that waits, and alerts or key updates behind it, which a peer can provoke without end.
constexpr std::size_t held_bytes_max = 2 * SSL3_RT_MAX_PACKET_SIZE;

std::string answer_to_plain_http() {
  const std::string body =
      HttpResponse::error(400, "invalid_message", "this port speaks TLS: https:// or wss://").body;
  return "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

TlsWire& wire_of(BIO* bio) noexcept { return *static_cast<TlsWire*>(BIO_get_data(bio)); }

int put_into_socket(BIO* bio, const char* bytes, std::size_t size, std::size_t* taken) {
  *taken = size;
  return wire_of(bio).put({bytes, size}) ? 1 : -1;
}

int take_from_socket(BIO* bio, char* buffer, std::size_t size, std::size_t* taken) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = wire_of(bio).take(buffer, size);
  if (got > 0) {
    *taken = static_cast<std::size_t>(got);
    return 1;
  }
  if (got == Wire::blocked) BIO_set_retry_read(bio);
  return got == 0 ? 0 : -1;
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_write_ex(made, put_into_socket);
    BIO_meth_set_read_ex(made, take_from_socket);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return method;
}

}  // namespace

void TlsWire::Free::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

TlsWire::TlsWire(int descriptor, ssl_ctx_st& rules) : Wire(descriptor), ssl_(SSL_new(&rules)) {
  BIO* bio = ssl_ ? BIO_new(socket_method()) : nullptr;
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

// --- the handshake -------------------------------------------------------------------------------

Wire::Handshake TlsWire::handshake() noexcept {
  if (flush() == broken) return fail_handshake(true);
  if (phase_ == Phase::agreeing && held() == 0) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) {
      phase_ = Phase::open;
    } else {
      const int why = SSL_get_error(ssl_.get(), result);
      if (why != SSL_ERROR_WANT_READ) return fail_handshake(why == SSL_ERROR_SYSCALL);
    }
  }
  if (held() != 0) return Handshake::wants_write;
  return phase_ == Phase::open ? Handshake::done : Handshake::wants_read;
}

Wire::Handshake TlsWire::fail_handshake(bool peer_left) noexcept {
  phase_ = Phase::ended;
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  if (reason == SSL_R_HTTP_REQUEST) Wire::write(answer_to_plain_http());
  const bool left = peer_left || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  const char* text = left ? nullptr : ERR_reason_error_string(error);
  if (text != nullptr) fault_ = text;
  if (text == nullptr && !left) fault_ = "unknown error";
  return Handshake::failed;
}

// --- writing -------------------------------------------------------------------------------------

bool TlsWire::put(std::string_view bytes) noexcept {
  if (held() == 0) {
    const ssize_t written = Wire::write(bytes);
    if (written == broken) return false;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    if (bytes.empty()) return true;
  }
  if (held() + bytes.size() > held_bytes_max) return false;
  rest_.append(bytes);
  set_held(rest_.size() - rest_begin_);
  return true;
}

ssize_t TlsWire::flush() noexcept {
  std::size_t left = 0;
  while (held() != 0) {
    const ssize_t written = Wire::write(std::string_view(rest_).substr(rest_begin_));
    if (written == broken) return broken;
    if (written <= 0) return left != 0 ? static_cast<ssize_t>(left) : static_cast<ssize_t>(blocked);
    left += static_cast<std::size_t>(written);
    rest_begin_ += static_cast<std::size_t>(written);
    set_held(rest_.size() - rest_begin_);
  }
  if (left != 0) {
    rest_ = {};
    rest_begin_ = 0;
  }
  return static_cast<ssize_t>(left);
}

ssize_t TlsWire::write(std::string_view bytes) noexcept {
  if (phase_ != Phase::open || flush() == broken) return broken;
  std::size_t taken = 0;
  while (held() == 0 && taken < bytes.size()) {
    std::size_t written = 0;
    ERR_clear_error();
    // It can only fail for good: put() never refuses, and a peer that breaks off in the middle of a
    // message to the TLS layer itself, for which OpenSSL would wait here, is no honest one.
    if (SSL_write_ex(ssl_.get(), bytes.data() + taken, std::min(record_bytes, bytes.size() - taken),
                     &written) != 1) {
      phase_ = Phase::ended;
      return broken;
    }
    taken += written;
  }
  return taken == 0 ? static_cast<ssize_t>(blocked) : static_cast<ssize_t>(taken);
}

// Small frames share a record: each costs a system call and 22 bytes.
ssize_t TlsWire::write(const iovec* pieces, std::size_t count) noexcept {
  char record[record_bytes];
  std::size_t filled = 0;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::string_view piece(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
    while (!piece.empty()) {
      const std::size_t fits = std::min(piece.size(), sizeof record - filled);
      std::memcpy(record + filled, piece.data(), fits);
      filled += fits;
      piece.remove_prefix(fits);
      const bool last = i + 1 == count && piece.empty();
      if (filled < sizeof record && !last) continue;
      const ssize_t written = write({record, filled});
      if (written < 0) return taken != 0 ? static_cast<ssize_t>(taken) : written;
      taken += filled;  // a record is taken whole
      filled = 0;
    }
  }
  return static_cast<ssize_t>(taken);
}

void TlsWire::shutdown() noexcept {
  if (phase_ == Phase::open) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  phase_ = Phase::ended;
  Wire::shutdown();
}

// --- reading -------------------------------------------------------------------------------------

ssize_t TlsWire::read(char* buffer, std::size_t size) noexcept {
  if (phase_ == Phase::ended) return Wire::read(buffer, size);  // to throw it away
  std::size_t got = 0;
  ERR_clear_error();
  if (SSL_read_ex(ssl_.get(), buffer, size, &got) == 1) return static_cast<ssize_t>(got);
  switch (SSL_get_error(ssl_.get(), 0)) {
    case SSL_ERROR_WANT_READ: return blocked;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: phase_ = Phase::ended; return broken;
  }
}

// OpenSSL reads record by record (read_ahead is off): what it has left is the rest of one.
bool TlsWire::buffered() const noexcept {
  return phase_ == Phase::open && SSL_pending(ssl_.get()) > 0;
}

}  // namespace zws
