// Monitor: which producers come, go and are refused, as libzmq tells it.
//
// libzmq has no word for a socket of another type (PUSH where PUB is meant): its handshake ends, and that
// is all, and by then its own address is known only if it took long. Without CURVE nothing that matters
// ends so. With CURVE who speaks ZMTP 2 or older does, too, but never comes as far as the gatekeeper.
// Where the peer sees first that they do not fit it just leaves: then it can only be guessed at.
//
// Thread: the source's. Lifetime: dies before its socket. Bound: what descriptors bound; and of addresses
// with sockets of another type, a few.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "core/log.hpp"
#include "ingest/gatekeeper.hpp"
#include "ingest/line.hpp"
#include "ingest/peers.hpp"
#include "ingest/socket_events.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class Monitor {
 public:
  // `gatekeeper`: of a socket that lets in only who speaks CURVE, else nullptr; it outlives this.
  // `patience`: libzmq gives no producer up that has been silent for less, which is how long it waits
  // for the answer to a ping. `most`: connections at a time; one more takes the oldest handshake's
  // place. Whoever could not be cut off counts until the next look, and is tried again.
  Monitor(zmq::context_t& context, zmq::socket_t& socket, IngestMetrics& metrics,
          const Gatekeeper* gatekeeper, std::chrono::milliseconds patience, std::size_t most);
  ~Monitor();

  // Takes what has happened since the last look: counts it and logs it. Never waits.
  void look();

  // Endpoints of `ingest.connect` that libzmq does not try any more: dial them again.
  std::vector<std::string> given_up();

  // Endpoints that it has tried in vain since the last call, one for each try.
  std::vector<std::string> tried() { return std::exchange(tried_, {}); }

  // Who has sent most since the last call, or who had then if nobody has sent anything since.
  struct Busiest {
    std::string peer = "nobody";
    std::uint64_t bytes = 0;  // since it connected
  };
  Busiest busiest();

  // A message has come over the connection with that descriptor. Its number, as of the last look; 0 if there
  // is none.
  std::uint64_t heard(int descriptor) noexcept;

  // Those that have ended since the last call.
  std::vector<std::uint64_t> ended() { return std::exchange(ended_, {}); }

  // Endpoints of `ingest.connect` at which a producer is.
  std::set<std::string> reached() const { return peers_.reached(); }

 private:
  void note(const SocketEvent& event);
  void note_begin(const SocketEvent& event, std::string dialled = {});
  void keep_within_bound();
  bool cut(int descriptor);
  void note_end(const SocketEvent& event);
  void note_left(const Line& line, const std::string& address);
  bool passed_the_gatekeeper() noexcept;
  void refuse_type(const Line& line, const std::string& address);
  void suspect_type(const std::string& address);
  void tell_type(log::Level level, const std::string& address, const std::string& peer,
                 std::string_view words);
  void refuse(RefuseReason reason, const std::string& address);

  SocketEvents events_;
  IngestMetrics& metrics_;
  const Gatekeeper* const gatekeeper_;
  std::uint64_t concluded_ = 0;  // whom it let in, and of whom libzmq has told what became
  const std::chrono::milliseconds patience_;
  Peers peers_;
  const std::size_t most_;
  struct Watched {
    std::string address;
    Line line;
    std::uint64_t received = 0;  // when it was looked at last
    SteadyTime since{};
  };
  std::map<int, Watched> lines_;  // by libzmq's descriptor
  bool has_just_left_ = false;    // somebody, having read all that it was sent; its end comes next
  std::set<int> cut_;             // of those, whom we have cut off
  std::size_t cuts_untold_ = 0;   // of those, whose failure libzmq has not told yet
  Busiest busiest_;
  std::vector<std::string> tried_;
  std::vector<std::uint64_t> ended_;
  struct Told {
    SteadyTime again{};
    std::uint64_t suppressed = 0;
  };
  std::map<std::string, Told> types_told_;  // by endpoint and words
  log::Quiet connected_logs_;
  log::Quiet left_logs_;
  log::Quiet silent_logs_;
  std::array<log::Quiet, static_cast<std::size_t>(RefuseReason::count_)> refused_logs_;
};

}  // namespace zws
