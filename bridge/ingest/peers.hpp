// Peers: who is connected to the ingest socket, put together from the events of libzmq's monitor.
//
// libzmq names the descriptor where a connection begins and ends, but does not say which handshake
// succeeded or failed. A success is given to the handshake that the bridge began at that address, else to
// the youngest that the other side began and that may have: producers take milliseconds for theirs, and
// strangers half a minute. That is put right when a handshake that failed ends beside it, and whoever is heard
// is a producer in any case. So it is wrong only of who has not been heard yet, where handshakes overlap of
// which each has sent enough, and the count where they end silently.
//
// libzmq ends its tries to reach an endpoint of `ingest.connect` when what is there breaks the
// protocol (wrong keys, a message that is too big). Peers notices that no other try follows.
//
// Thread: the source's. Bounds: what the descriptors bound. Cost: of a success `may` is asked for at most 100.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.hpp"

namespace zws {

class Peers {
 public:
  // What became of a connection that has ended.
  enum class End : std::uint8_t {
    left,    // a producer
    failed,  // the handshake, and failed() has told it
    silent,  // the handshake, and libzmq says no word why
  };

  // Whether the handshake of that descriptor may have succeeded. Where none may the youngest has.
  using May = std::function<bool(int descriptor)>;
  explicit Peers(May may = nullptr) : may_(std::move(may)) {}

  // A connection begins. `dialled` is the endpoint if the bridge has connected to it, else "".
  void began(int descriptor, std::string dialled = {});

  // At `address`, as the event names it: the endpoint that was dialled, or our own.
  void succeeded(const std::string& address = {});
  void failed() noexcept { ++failures_; }
  // A message has come over it, so that its handshake is done. True if it had been taken for a stranger's: then
  // a stranger may have been taken for it, until that ends, or it speaks ZMTP 2, of which libzmq tells nothing.
  bool heard(int descriptor) noexcept;
  End ended(int descriptor, SteadyTime now);

  // libzmq tries `endpoint` again.
  void tries_again(const std::string& endpoint);

  // Endpoints that it has given up for a second, each told once.
  std::vector<std::string> given_up(SteadyTime now);

  std::size_t producers() const noexcept { return producers_; }
  std::size_t handshakes() const noexcept { return peers_.size() - producers_; }

  // The dialled endpoints at which a producer is.
  std::set<std::string> reached() const;

  // Of the connection that has the descriptor, never given twice whatever sockets come and go; 0 if there
  // is none.
  std::uint64_t number(int descriptor) const noexcept;

  // The descriptors of handshakes that the other side began, the oldest first, those in `except` aside.
  std::vector<int> strangers(const std::set<int>& except) const;

 private:
  struct Peer {
    std::string dialled;
    std::uint64_t number = 0;
    bool has_succeeded = false;  // or is taken to have
    bool is_heard = false;

    bool is_producer() const noexcept { return has_succeeded || is_heard; }
  };
  struct Fallen {
    std::string endpoint;
    SteadyTime since;
  };

  Peer* youngest_handshake(const std::string& dialled) noexcept;
  Peer* possible_success(const std::string& dialled);

  const May may_;

  std::map<int, Peer> peers_;
  std::vector<Fallen> fallen_;
  std::size_t producers_ = 0;
  std::size_t failures_ = 0;  // told, of handshakes that have not ended yet
};

}  // namespace zws
