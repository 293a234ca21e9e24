// Sink: the interface through which ingest hands what producers sent to the exchange, which implements it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zws {

// One publish as it came, its shape already checked by the one who read it. Everything is borrowed
// and must live until accept() returns.
struct Arrival {
  std::string_view topic;                    // a valid topic
  std::string_view payload;                  // any bytes, at most limits.event_bytes
  std::string_view source;                   // empty: headerless, the bridge numbers it
  std::uint64_t seq = 0;                     // >= 1 when source is set
  std::int64_t sent_ns = 0;                  // Unix time in ns; 0: not given
  std::string_view key;                      // conflation key of the header; empty: not given
  std::uint64_t connection = no_connection;  // over which it came, by a number never given twice

  static constexpr std::uint64_t no_connection = 0;  // REST: nobody is there who could vanish
  static constexpr std::uint64_t over = ~std::uint64_t{0};  // one whose end has been told already
};

class Sink {
 public:
  virtual ~Sink() = default;

  // Takes all `count` arrivals in this order. Thread: any; never blocks on a client.
  virtual void accept(const Arrival* arrivals, std::size_t count) noexcept = 0;

  // A connection over which something is about to come for the first time; and one that has ended, when
  // all that came over it has been accepted. Whoever stands between passes both on, in order with what it
  // passes on of that connection.
  virtual void opened(std::uint64_t /*connection*/) noexcept {}
  virtual void ended(std::uint64_t /*connection*/) noexcept {}
};

}  // namespace zws
