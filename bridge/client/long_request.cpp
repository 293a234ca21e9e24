#include "client/long_request.hpp"

#include "client/session.hpp"

namespace zws {
namespace {

std::string lacking(const Session& session, const std::string& topic) {
  if (topic[0] == '@')
    return "of names with '@' only @all and the user's own @user/ID can be heard";
  const std::string right = "this needs the right to subscribe, which ";
  if (!session.identity()) return right + "auth.anonymous.subscribe does not give";
  return right + "neither " +
         (session.identity()->topics ? "the token's topics" : "auth.user.subscribe") +
         " nor a role of the token (auth.roles.NAME.subscribe) gives";
}

}  // namespace

std::size_t Answer::queued_bytes(const std::string& id) const noexcept {
  constexpr std::size_t words = 192;    // and the frame's header, and the quotes of its texts
  constexpr std::size_t position = 26;  // its number, and what stands between two
  constexpr std::size_t source = 96;    // its other members
  std::size_t bytes = Event::place_bytes + words + 2 * topic.size() + id.size();
  for (const Position& each : at) bytes += each.source.size() + position;
  for (const KnownSource& each : sources) bytes += each.topic.size() + each.src.size() + source;
  return bytes;
}

void LongRequest::refuse(const Answer& answer) {
  const RequestType type = request.type;
  const std::string_view name = type == RequestType::subscribe     ? "subscribed"
                                : type == RequestType::unsubscribe ? "unsubscribed"
                                                                   : "fetched";
  refused = true;
  session.refuse(answer.fault.code, refused_text(name, answer.topic, answer.fault.code,
                                                 answer.fault.message, request.id));
}

Refusal forbidden(const Session& session, const std::string& topic) {
  return {ErrorCode::forbidden, lacking(session, topic), {}};
}

}  // namespace zws
