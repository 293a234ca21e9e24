// KeptEvent: how one event lies in Redis, and how it becomes an event again.
//
//   PREFIX{P}h:TOPIC:SRC   a stream: entry 0-SEQ is the event SEQ of that source on that topic
//     f   the text of its WebSocket frame, as clients receive it
//     t   when a bridge heard it: Unix time in milliseconds
//     k   its conflation key, if it has one
//     r   where its route conflates: the payload's member that was read for the key
//   PREFIX{P}i:TOPIC       a sorted set: the topic's sources (KeptIndex)
//
// P is 0 to 63, of the topic alone: all that is kept of one topic is in one slot of a Redis Cluster.
//
// Nothing that is read is trusted: an entry is of use only if its frame is a message of just this topic,
// source and number, in which nothing is out of place.
//
// Thread: any, but for the reader's own buffers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/route_table.hpp"
#include "core/event.hpp"
#include "exchange/payload.hpp"

struct redisReply;

namespace zws {

// Numbers above this are not kept: the index holds them as doubles, with a fraction.
constexpr std::uint64_t kept_seq_max = std::uint64_t{1} << 50;

struct KeptKeys {
  static constexpr unsigned partitions = 64;
  static constexpr std::uint64_t all = ~std::uint64_t{0};  // of them, as bits

  static unsigned partition(std::string_view topic) noexcept;

  std::string stream(std::string_view topic, std::string_view source) const;
  std::string index(std::string_view topic) const;
  // Where events were lost on their way: Unix time in milliseconds, one for each partition.
  std::string lost(unsigned partition) const;
  // Of which life of Redis (RedisLink::run_id) all is that lies there.
  std::string life() const;
  // Nothing lies there: to delete it shows whether Redis takes what is written.
  std::string probe(unsigned partition) const;
  // Of one bridge.
  std::string scratch(std::string_view topic, std::string_view bridge) const;

  std::string prefix;

 private:
  std::string in(unsigned partition) const;
};

// The command that keeps an event; its stream is trimmed to the route's history.
std::vector<std::string> keep_command(const KeptKeys& keys, const Event& event, const Route& route,
                                      std::int64_t heard_ms);

// An entry of a stream as it was read.
struct KeptEvent {
  std::uint64_t seq = 0;
  std::int64_t heard_ms = 0;
  std::string_view frame;  // borrowed from the answer, as the rest
  std::string_view key;
  std::string_view rule;
};

// Nothing where it is no event of any kind: another id, a missing field. Where only its number can be read,
// `frame` is empty.
std::optional<KeptEvent> read_entry(const redisReply& entry);

class KeptEventReader {
 public:
  // The event as the exchange would have made it for a topic of this route; null where it is not one.
  EventPtr make(const KeptEvent& kept, std::string_view topic, std::string_view source,
                const Route& route, SteadyTime received);

 private:
  bool is_message_of(std::string_view frame, std::string_view topic, std::string_view id);

  PayloadReader reader_;
};

}  // namespace zws
