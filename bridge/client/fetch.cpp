#include "client/fetch.hpp"

#include <algorithm>
#include <iterator>

#include "client/session.hpp"
#include "core/json_text.hpp"

namespace zws {
namespace {

constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

Refusal fault_of(const Session& session, const RouteTable& routes, const Request& request,
                 const std::optional<Pattern>& pattern, const Grants& grants) {
  if (!pattern || !(pattern->is_literal() || request.last))
    return {ErrorCode::invalid_topic, "fetch of one source names one topic, not a pattern", {}};
  if (!session.standing.may_stay) return {ErrorCode::unauthorized, "sign in first", {}};
  if (!grants.granted(*pattern)) return forbidden(session, pattern->text());
  if (request.fault.code != ErrorCode::none) return request.fault;
  if (routes.match(pattern->text()).format == EventFormat::raw)
    return {ErrorCode::invalid_message, "events of a raw route have no id", {}};
  const std::size_t events_max = session.config().limits.replay_events;
  if (request.last && *request.last > events_max)
    return {ErrorCode::limit_exceeded, "\"last\" may be at most " + std::to_string(events_max), {}};
  return {};
}

// What has no id no client can put in its place; and a route that is raw no longer has left such events. False
// where there were none.
bool leave_out_raw(std::vector<EventPtr>& events) {
  const auto end = std::remove_if(events.begin(), events.end(),
                                  [](const EventPtr& event) { return event->raw(); });
  const bool some = end != events.end();
  events.erase(end, events.end());
  return some;
}

void leave_out_what_does_not_fit(const Pattern& pattern, std::size_t events_max, std::size_t room,
                                 Answer& answer) {
  std::vector<EventPtr>& events = answer.events;
  if (!pattern.is_literal() && events.size() >= events_max)
    answer.complete = false;  // more of them may be there
  leave_out_raw(events);
  auto first = events.end();
  while (first != events.begin() && (*std::prev(first))->queued_bytes() <= room)
    room -= (*--first)->queued_bytes();
  if (first != events.begin()) answer.complete = false;
  events.erase(events.begin(), first);
}

}  // namespace

void Fetch::prepare(const LongRequest& whole, const RouteTable& routes, const Grants& grants,
                    Answer& answer) {
  const auto pattern = Pattern::parse(answer.topic);
  answer.fault = fault_of(whole.session, routes, whole.request, pattern, grants);
  if (answer.fault.code == ErrorCode::none) answer.pattern = grants.granted(*pattern);
}

void Fetch::look(History& history, LongRequest& whole, Answer& answer, std::size_t& room) {
  const Request& request = whole.request;
  const std::size_t events_max = whole.session.config().limits.replay_events;
  room -= std::min(room, answer.queued_bytes(request.id));
  if (request.last) {
    answer.events = history.newest(*answer.pattern, *request.last, no_limit, whole.looks_left);
    answer.complete = answer.pattern->is_literal() || whole.looks_left != 0;
    leave_out_what_does_not_fit(*answer.pattern, events_max, room, answer);
    return;
  }
  Fetched range = history.fetch(answer.topic, request.source, request.from, request.to, events_max,
                                room, whole.looks_left);
  answer.events = std::move(range.events);
  answer.complete = !leave_out_raw(answer.events) && range.complete;
}

// Nothing may come between these events and the answer: by its count clients tell them from live ones.
void Fetch::answer(LongRequest& whole, const RouteTable& routes, const Grants& grants,
                   Answer& answer) {
  // A reload may have come between.
  const auto pattern = Pattern::parse(answer.topic);
  answer.fault = fault_of(whole.session, routes, whole.request, pattern, grants);
  if (answer.fault.code == ErrorCode::none && !grants.granted(*pattern)->covers(*answer.pattern))
    answer.fault = forbidden(whole.session, answer.topic);
  if (answer.fault.code != ErrorCode::none) return whole.refuse(answer);
  whole.session.outbox().replay(answer.events);
  whole.session.send_text(JsonObject()
                              .text("type", "fetched")
                              .text("topic", answer.topic)
                              .boolean("success", true)
                              .number("count", answer.events.size())
                              .boolean("complete", answer.complete)
                              .json("id", whole.request.id)
                              .done());
}

}  // namespace zws
