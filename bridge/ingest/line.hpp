// Line: a producer's connection as the kernel knows it.
//
// libzmq tells that a connection has ended, but not why, and it is closed by then. A second descriptor
// keeps it until it has been asked: whoever left has hung up, and whoever was cut off has not.
//
// Thread: the source's. Lifetime: the connection's, and until its end has been looked at.
// Bound: one descriptor for each connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace zws {

class Line {
 public:
  Line() = default;
  // Of the connection behind libzmq's `descriptor`; of nothing if that is closed already, or is
  // somebody else's by now: neither of its ends has the port of `endpoint`, whose it was.
  Line(int descriptor, const std::string& endpoint);
  Line(Line&& other) noexcept;
  Line& operator=(Line&& other) noexcept;
  ~Line();

  // Whether the other side has closed it, or the kernel has given it up. So it is taken to be where it
  // came and went before it could be looked at.
  bool hung_up() const noexcept;

  // How long nothing has come over it; zero where the kernel does not know (ipc).
  std::chrono::milliseconds silence() const noexcept;

  // Bytes that have come over it; 0 where the kernel does not know (ipc).
  std::uint64_t received() const noexcept;

  // Whether as much has come over libzmq's `descriptor` as no handshake can do without; also where the kernel
  // does not know (ipc), and where it is closed.
  static bool may_have_shaken_hands(int descriptor) noexcept;

  // "10.0.0.7:40312", "[::1]:40312" or "process 1234"; "somebody" if it is gone.
  std::string peer() const;

  // Ends it for libzmq, too. False if it is of nothing, so that nothing was done.
  bool cut() const noexcept;

 private:
  bool belongs_to(const std::string& endpoint) const;

  int descriptor_ = -1;
};

}  // namespace zws
