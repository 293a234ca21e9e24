// ProxiedWire: a wire before which a proxy may say whose connection it is (PROXY protocol).
//
// The header comes before TLS, too. A trusted proxy may leave it out, as health checks do: then the
// connection is its own. Of anybody else it is refused with 400, since it could name any address.
//
// Thread: its lane only. Bound: the header has limits.handshake_timeout and proxy_header_bytes_max;
// until it is whole nothing behind it is taken from the socket.
#pragma once

#include <memory>
#include <string>

#include "client/wire.hpp"

namespace zws {

class ProxiedWire final : public Wire {
 public:
  ProxiedWire(std::unique_ptr<Wire> inner, bool trusted)
      : Wire(inner->descriptor()), inner_(std::move(inner)), trusted_(trusted) {}

  ssize_t write(std::string_view bytes) noexcept override;
  ssize_t write(const iovec* pieces, std::size_t count) noexcept override;
  ssize_t flush() noexcept override;
  ssize_t read(char* buffer, std::size_t size) noexcept override;
  bool buffered() const noexcept override {
    return (taken_ && !begun_.empty()) || inner_->buffered();
  }
  void shutdown() noexcept override { inner_->shutdown(); }
  Handshake handshake() noexcept override;
  std::string_view handshake_fault() const noexcept override {
    return fault_.empty() ? inner_->handshake_fault() : fault_;
  }
  std::string_view client() const noexcept override { return client_; }
  bool secure() const noexcept override { return inner_->secure(); }

 private:
  // Done when what precedes the first byte has been taken.
  Handshake take_header();
  Handshake refuse(std::string_view why) noexcept;
  ssize_t after(ssize_t outcome) noexcept;

  const std::unique_ptr<Wire> inner_;
  std::string begun_;   // of what may become a header; at last, the first bytes of what was none
  std::string client_;  // as the proxy says
  std::string_view fault_;
  const bool trusted_;
  bool taken_ = false;
};

}  // namespace zws
