// Received: what a message from the bridge is, told from its text.
//
// Thread: any; pure functions.
#pragma once

#include <string>
#include <string_view>

namespace zws::tool {

enum class ReceivedKind {
  event,    // carries an @id
  control,  // text without one: the bridge's own: connection, subscribed, gap, error, ...
  raw,      // binary, from a route with format = "raw": a payload and nothing else
};

ReceivedKind kind_of(std::string_view message, bool binary);

// The @id of an event, "SRC:SEQ".
std::string_view id_of(std::string_view event) noexcept;

// The topic that an event came on; empty when it cannot be told.
// Not by a parser: producers send numbers beyond a double's, and halves of surrogate pairs.
std::string topic_of(std::string_view event);

// What the producer published: an object without the members that the bridge put into it, the
// `data` of a wrapped message, text without its quotes, bytes without their base64.
std::string payload_of(std::string_view event);

// `event` on one line. Newlines between the members of a producer's JSON become spaces.
std::string one_line(std::string_view event);

}  // namespace zws::tool
