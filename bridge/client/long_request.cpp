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

std::size_t bytes_of(const std::vector<Position>& positions) noexcept {
  std::size_t bytes = positions.size() * sizeof(Position);
  for (const Position& each : positions) bytes += each.source.size();
  return bytes;
}

std::size_t bytes_of(const Request& request) noexcept {
  std::size_t bytes = request.topics.size() * sizeof(std::string);
  for (const std::string& topic : request.topics) bytes += topic.size();
  if (!request.since) return bytes;
  for (const TopicPosition& each : request.since->topics)
    bytes += sizeof each + each.topic.size() + bytes_of(each.positions);
  return bytes + bytes_of(request.since->positions);
}

}  // namespace

LongRequest::LongRequest(Session& of, Request asked, std::size_t looks)
    : session(of), request(std::move(asked)), request_bytes(bytes_of(request)), looks_left(looks) {}

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
