// SilentBridge: a bridge that subscribes to everything and then says nothing more, as one whose
// machine lost power: ZMTP by hand. It hears what the publisher sends meanwhile.
//
// Thread: one. Every wait has a deadline of thirty seconds.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace zws::test {

class SilentBridge {
 public:
  // Goes to a publisher that binds. accept() is what is left to do.
  explicit SilentBridge(const std::string& publisher)
      : peer_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(publisher.substr(publisher.rfind(':') + 1))));
    ::connect(peer_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  SilentBridge() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size);
    ::listen(listener_, 4);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    endpoint_ = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    set_patience(listener_);
  }

  ~SilentBridge() {
    if (peer_ >= 0) ::close(peer_);
    if (listener_ >= 0) ::close(listener_);
  }

  SilentBridge(const SilentBridge&) = delete;
  SilentBridge& operator=(const SilentBridge&) = delete;

  const std::string& endpoint() const { return endpoint_; }

  // Takes the publisher's connection and subscribes on it. False when it does not come.
  bool accept() {
    if (listener_ >= 0) peer_ = ::accept(listener_, nullptr, nullptr);
    if (peer_ < 0) return false;
    set_patience(peer_);
    std::string greeting("\xff\0\0\0\0\0\0\0\0\x7f\x03\0NULL", 16);
    greeting.resize(64);
    const std::string ready("\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB", 27);
    if (!send(greeting + ready) || !take(greeting.size()) || !frame()) return false;
    return send(std::string("\0\x01\x01", 3));
  }

  // Subscribes to so many prefixes at one go, and asks whether the publisher lives.
  bool subscribe_and_ping(int prefixes) {
    std::string bytes;
    for (int i = 0; i < prefixes; ++i) {
      const std::string prefix = "\1p" + std::to_string(i);
      bytes += std::string("\0", 1) + static_cast<char>(prefix.size()) + prefix;
    }
    return send(bytes + std::string("\4\7\4PING\0\0", 9));
  }

  // The body of the publisher's next frame; nothing when none comes.
  std::optional<std::string> frame() {
    const auto head = take(2);
    return head ? take(static_cast<unsigned char>((*head)[1])) : std::nullopt;
  }

 private:
  static void set_patience(int socket) {
    const timeval patience{30, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  bool send(const std::string& bytes) {
    return ::send(peer_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  std::optional<std::string> take(std::size_t count) {
    std::string taken;
    while (taken.size() < count) {
      std::array<char, 256> some;
      const ssize_t got =
          ::recv(peer_, some.data(), std::min(some.size(), count - taken.size()), 0);
      if (got <= 0) return std::nullopt;
      taken.append(some.data(), static_cast<std::size_t>(got));
    }
    return taken;
  }

  int listener_ = -1;
  int peer_ = -1;
  std::string endpoint_;
};

}  // namespace zws::test
