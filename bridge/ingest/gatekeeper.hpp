// Gatekeeper, the ZAP handler: answers libzmq when it asks whether a producer's CURVE key may come in (ZAP, ZeroMQ
// RFC 27). libzmq has checked by then that the producer holds the secret half.
//
// Thread: a thread of its own, so that a stranger who knocks costs the source nothing; reload() from
// any. Lifetime: within the context's, which must be shut down before join().
// Bounds: remembers only keys of the list.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <zmq.hpp>

#include "core/log.hpp"
#include "ingest/curve_keys.hpp"

namespace zws {

class Gatekeeper {
 public:
  // Listens where libzmq asks; no socket with CURVE may be bound before.
  Gatekeeper(zmq::context_t& context, CurveKeys keys);
  ~Gatekeeper() { join(); }

  void start();
  void join();

  // Judges by these keys from now on. True if a key that was let in is no longer listed: the caller must
  // then end all connections, and each that comes again is judged by the new list.
  bool reload(CurveKeys keys);

  // Whether a producer of this key may come in; the answer is remembered for reload(). `name` is what
  // the list calls it.
  bool admit(const std::string& key, std::string& name);

  // How many have been let in so far to publish (and not to be asked again, which is another socket).
  // Thread: any.
  std::uint64_t admissions() const noexcept { return admissions_; }

 private:
  void run();
  void answer();

  zmq::socket_t socket_;
  std::thread thread_;
  std::mutex mutex_;
  CurveKeys keys_;
  std::unordered_set<std::string> admitted_;
  bool admitted_unlisted_ = false;
  std::atomic<std::uint64_t> admissions_{0};
  log::Quiet admitted_logs_;
  log::Quiet refused_logs_;
};

}  // namespace zws
