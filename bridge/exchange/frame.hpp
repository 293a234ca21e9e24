// Renderer: an arrival becomes the event that clients will see, encoded once.
//
//   {"type":"t",...}   as published, with ,"topic":T,"@id":"SRC:SEQ" put before its last brace;
//                      ,"@topic":T too where it names another topic, or has an "@topic" of its own:
//                      of a name that stands twice the last one counts, so that the topic is ours
//   other JSON         {"type":"message","topic":T,"data":<as published>,"timestamp":...,"@id":...}
//   text, not JSON     the same, data a JSON string
//   other bytes        the same, data base64, and "encoding":"base64"
//   format = "raw"     the payload alone, always in a binary frame: a text frame is the bridge's own
//                      word or an event with an @id, whatever producers write
//
// Thread: one at a time (the exchange's mutex). Cost: one look at the payload by simdjson, one copy, two
// allocations; the scratch buffers are reused. Throws std::bad_alloc only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/route_table.hpp"
#include "core/event.hpp"
#include "core/sink.hpp"
#include "exchange/payload.hpp"

namespace zws {

class Renderer {
 public:
  // `fields` holds topic, topic_hash, source, seq, restart and received; the rest is filled in here.
  // `now_ns` (Unix time in ns) is the timestamp of an arrival that brings none.
  EventPtr render(const Arrival& arrival, Event::Fields fields, const Route& route,
                  std::int64_t now_ns);

  // The marker that tells of `fields.seq` to `fields.last_seq` of a source.
  static EventPtr gap(Event::Fields fields, std::string_view reason);

  // The marker that tells what has become of a source: "alive", "silent" or "lost".
  static EventPtr source(Event::Fields fields, std::string_view state, std::int64_t now_ns);

 private:
  void object_pieces(std::string_view payload, const PayloadFacts& facts,
                     const Event::Fields& fields);
  void message_pieces(const Arrival& arrival, PayloadKind kind, const Event::Fields& fields,
                      std::int64_t now_ns);

  PayloadReader reader_;
  std::string lead_;                      // what is put before the payload
  std::string tail_;                      // what is put behind it
  std::string encoded_;                   // a payload that is not JSON, as a JSON string
  std::vector<std::string_view> pieces_;  // [0] is the frame's header
};

// What an event's frame carries, as JSON for a page: the text itself if it is JSON (each format but
// "raw"), else {"data":...,"encoding":"base64"}.
std::string event_json(const Event& event);

// The text of a gap marker: {"type":"gap","topic":T,"src":S,"from":A,"to":B,"missed":N,"reason":R}.
std::string gap_text(std::string_view topic, std::string_view source, std::uint64_t from,
                     std::uint64_t to, std::uint64_t missed, std::string_view reason);

}  // namespace zws
