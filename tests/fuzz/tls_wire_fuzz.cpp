// Whatever a stranger sends to the TLS port instead of TLS, or after some: the handshake ends in one
// of its states, says why in words, and nothing is given to the reader that was not agreed on. The
// first byte says how the bytes are cut into pieces.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/log.hpp"
#include "port/tls.hpp"
#include "support/tls_client.hpp"

namespace {

void demand(bool kept) {
  if (!kept) std::abort();
}

const zws::Tls& rules() {
  static const zws::TlsPtr loaded = [] {
    zws::log::configure(zws::log::Level::off, zws::log::Format::text);
    const zws::CertificateFiles files;
    zws::ServerConfig server;
    server.tls_cert = files.certificate();
    server.tls_key = files.key();
    return zws::Tls::load(server, {});
  }();
  return *loaded;
}

class Peer {
 public:
  Peer() { demand(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data()) == 0); }
  ~Peer() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  int ours() const { return ends_[0]; }
  bool send(std::string_view bytes) {
    return ::send(ends_[1], bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  void take_all() {
    std::array<char, 65'536> buffer;
    while (::recv(ends_[1], buffer.data(), buffer.size(), 0) > 0) {
    }
  }

 private:
  std::array<int, 2> ends_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Handshake = zws::Wire::Handshake;
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = data[0] + std::size_t{1};
  Peer peer;
  const auto wire = rules().wrap(peer.ours());
  Handshake step = wire->handshake();
  demand(step == Handshake::wants_read);
  while (!text.empty() && step != Handshake::failed) {
    if (!peer.send(text.substr(0, piece))) break;
    text.remove_prefix(std::min(piece, text.size()));
    step = wire->handshake();
    // Without keys nobody comes further than the first flight.
    demand(step != Handshake::done);
    peer.take_all();
    if (wire->held() != 0) demand(wire->flush() != zws::Wire::blocked);
  }
  if (step == Handshake::failed) {
    const std::string_view why = wire->handshake_fault();
    demand(why.size() < 200 &&
           std::none_of(why.begin(), why.end(), [](char c) { return c < ' '; }));
  }
  std::array<char, 100> buffer;
  const ssize_t got = wire->read(buffer.data(), buffer.size());
  demand(got <= 0 || step == Handshake::failed);  // then it is thrown away
  wire->shutdown();
  return 0;
}
