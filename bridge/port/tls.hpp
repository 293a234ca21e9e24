// Tls: what all encrypted connections of the port share: the certificate, its key, and the rules:
//
//   1.2 and 1.3 only, forward secrecy and authenticated ciphers only, no renegotiation, no compression;
//   sessions are resumed by tickets that the client keeps: the bridge keeps none.
//
// Thread: any, it is immutable. Lifetime: connections keep what they need and may outlive it.
#pragma once

#include <cstdint>
#include <memory>

#include "client/wire.hpp"
#include "config/config.hpp"
#include "config/load.hpp"

struct ssl_ctx_st;

namespace zws {

class Tls;
using TlsPtr = std::shared_ptr<const Tls>;

class Tls {
 public:
  // Reads server.tls_cert and server.tls_key; null when they are not set. Throws
  // StartupError{configuration}: one line that says where the key was set, which file is wrong and why.
  static TlsPtr load(const ServerConfig& server, const Origins& origins);

  // A wire over an accepted, non-blocking socket. Throws std::bad_alloc.
  std::unique_ptr<Wire> wrap(int descriptor) const;

  // Says whose certificate is in force and until when; a warning if that is over or not yet.
  void log_certificate() const;

  // Until when, Unix time in seconds.
  std::uint64_t certificate_not_after() const noexcept;

 private:
  struct Free {
    void operator()(ssl_ctx_st* rules) const noexcept;
  };
  using Rules = std::unique_ptr<ssl_ctx_st, Free>;

  explicit Tls(Rules rules) noexcept : rules_(std::move(rules)) {}

  Rules rules_;
};

}  // namespace zws
