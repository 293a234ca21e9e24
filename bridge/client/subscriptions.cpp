#include "client/subscriptions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <unordered_map>

#include "core/json_text.hpp"
#include "core/topic.hpp"

namespace zws {
namespace {

constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

// Between two slices of one request the lane does all other work.
constexpr std::size_t slice_topics = 64;
constexpr std::chrono::milliseconds slice_time{1};

// What the names of one connection's subscriptions may come to, since a name may have 255 bytes and take
// as many places in the index of patterns: this, and so much for each that it may hold.
constexpr std::size_t name_bytes_at_least = 4096;
constexpr std::size_t name_bytes_each = 128;

std::string subscribed_text(const Pattern& pattern, const std::string& at, bool asked,
                            bool recovering, bool recovered, std::size_t replayed,
                            const std::string& id) {
  JsonObject answer;
  answer.text("type", "subscribed").text("topic", pattern.text()).boolean("success", true);
  answer.json("at", at);
  if (recovering) answer.boolean("recovered", recovered);
  if (asked) answer.number("replayed", replayed);
  return answer.json("id", id).done();
}

// Why it is forbidden to hear that, in the words of the token and the configuration.
std::string lacking(const Session& session, const std::string& topic) {
  if (topic[0] == '@')
    return "of names with '@' only @all and the user's own @user/ID can be heard";
  const std::string right = "this needs the right to subscribe, which ";
  if (!session.identity) return right + "auth.anonymous.subscribe does not give";
  return right + "neither " +
         (session.identity->topics ? "the token's topics" : "auth.user.subscribe") +
         " nor a role of the token (auth.roles.NAME.subscribe) gives";
}

}  // namespace

Subscriptions::Subscriptions(Router& router, History& history, const RouteTable& routes)
    : router_(router), history_(history), routes_(&routes) {}

void Subscriptions::join_own(Session& session) {
  assert(!session.left());
  if (!session.may_stay) return;  // a guest that has to sign in hears nothing before
  static const Pattern all = *Pattern::parse(topic_all);
  router_.subscribe(session.outbox(), all, true);
  if (!session.identity || session.identity->user.empty()) return;
  const auto own = Pattern::parse(std::string(topic_user_prefix) + session.identity->user);
  if (own) router_.subscribe(session.outbox(), *own, true);
}

// --- subscribe and unsubscribe -------------------------------------------------------------------

void Subscriptions::go_on(Session& session, LongRequest& request, bool open_mode) {
  const Grants grants(session.config().auth, session.identity.get(), open_mode);
  const Clock& clock = *session.rules().clock;
  const Outbox& outbox = session.outbox();
  const SteadyTime until = clock.steady() + slice_time;
  session.outbox().cork();
  std::size_t left = slice_topics;
  do {
    answer_next(session, request, grants);
  } while (!request.done() && !session.left() && --left > 0 && !outbox.at_bound() &&
           clock.steady() < until);
  session.outbox().uncork();
}

void Subscriptions::answer_next(Session& session, LongRequest& request, const Grants& grants) {
  const std::string& topic = request.request.topics[request.next];
  const std::size_t most = session.config().limits.subscriptions;
  if (request.next++ >= most) {
    refuse(session, request, topic,
           {ErrorCode::limit_exceeded, fmt::format("a request may name {} topics", most), {}});
  } else if (request.request.type == RequestType::subscribe) {
    subscribe_one(session, request, topic, grants);
  } else {
    unsubscribe_one(session, request, topic);
  }
}

void Subscriptions::refuse(Session& session, LongRequest& request, const std::string& topic,
                           const Refusal& fault) {
  const bool subscribing = request.request.type == RequestType::subscribe;
  request.refused = true;
  session.refuse(fault.code, refused_text(subscribing ? "subscribed" : "unsubscribed", topic,
                                          fault.code, fault.message, request.request.id));
}

void Subscriptions::subscribe_one(Session& session, LongRequest& whole, const std::string& topic,
                                  const Grants& grants) {
  const Request& request = whole.request;
  Refusal fault = fault_of(session, topic, request, grants);
  if (fault.code != ErrorCode::none) return refuse(session, whole, topic, fault);
  const Pattern pattern = *grants.granted(*Pattern::parse(topic));
  const Named named = named_by(pattern, request);
  fault = since_fault(pattern, request, named);
  if (fault.code != ErrorCode::none) return refuse(session, whole, topic, fault);
  const bool literal = pattern.is_literal();
  Outbox& outbox = session.outbox();
  const bool own = is_reserved(topic);
  const bool covered = literal && !own && router_.receives(outbox, topic);
  const Router::Joined joined = router_.subscribe(outbox, pattern);
  if (joined.fresh) {
    ++session.asked;
    session.asked_bytes += static_cast<std::uint32_t>(topic.size());
  }
  Replay replay =
      replay_for(session, pattern, request, named, joined.had_live_after, !joined.fresh || covered);
  session.send_text(subscribed_text(
      pattern, literal ? positions_json(history_.positions(topic)) : std::string{}, replay.asked,
      replay.recovering, replay.recovered, replay.events.size(), request.id));
  outbox.replay(replay.events);
}

Refusal Subscriptions::fault_of(Session& session, const std::string& topic, const Request& request,
                                const Grants& grants) const {
  const auto pattern = Pattern::parse(topic);
  if (!pattern)
    return {
        ErrorCode::invalid_topic,
        "a topic is 1 to 255 bytes without control characters; '*' stands last or for a segment",
        {}};
  if (!session.may_stay)
    return {ErrorCode::unauthorized, "sign in first: {\"type\":\"auth\",\"token\":...}", {}};
  const auto granted = grants.granted(*pattern);
  if (!granted) return {ErrorCode::forbidden, lacking(session, topic), {}};
  const LimitsConfig& limits = session.config().limits;
  const std::size_t bytes_max = name_bytes_at_least + limits.subscriptions * name_bytes_each;
  const bool full = session.asked >= limits.subscriptions;
  if ((full || session.asked_bytes + topic.size() > bytes_max) &&
      !router_.asked(session.outbox(), *granted))
    return {ErrorCode::limit_exceeded,
            full ? fmt::format("a connection may hold {} subscriptions", limits.subscriptions)
                 : fmt::format("the names of its subscriptions may have {} bytes", bytes_max),
            {}};
  if (request.last && *request.last > limits.replay_events)
    return {ErrorCode::limit_exceeded,
            "\"last\" may be at most " + std::to_string(limits.replay_events),
            {}};
  return request.fault;
}

Refusal Subscriptions::since_fault(const Pattern& pattern, const Request& request,
                                   const Named& named) const {
  if (!request.since) return {};
  if (!request.since->by_topic && (!pattern.is_literal() || request.topics.size() > 1))
    return {ErrorCode::invalid_message,
            "for a pattern or several topics, \"since\" is an object: topic -> positions",
            {}};
  if (named.raw || (pattern.is_literal() && is_raw(pattern.text())))
    return {ErrorCode::invalid_message, "events of a raw route have no id to go on from", {}};
  return {};
}

bool Subscriptions::is_raw(std::string_view topic) const noexcept {
  return routes_->match(topic).format == EventFormat::raw;
}

// The topics of a `since` are in order of name, so those of one topic or pattern are found without
// going through all of them for each.
Subscriptions::Named Subscriptions::named_by(const Pattern& pattern, const Request& request) const {
  Named named;
  if (!request.since) return named;
  const Since& since = *request.since;
  if (!since.by_topic) {
    named.topics = {{pattern.text(), since.positions}};
    return named;
  }
  const std::string_view begin =
      std::string_view(pattern.text()).substr(0, pattern.text().find('*'));
  const auto before = [](const TopicPosition& each, std::string_view name) {
    return each.topic < name;
  };
  for (auto next = std::lower_bound(since.topics.begin(), since.topics.end(), begin, before);
       next != since.topics.end() && next->topic.compare(0, begin.size(), begin) == 0; ++next) {
    if (pattern.is_literal() && next->topic != pattern.text()) break;
    if (!pattern.matches(next->topic)) continue;
    named.raw = named.raw || is_raw(next->topic);
    named.topics.push_back(*next);
  }
  // A topic the client does not name is one of which it has seen nothing.
  if (pattern.is_literal() && named.topics.empty()) named.topics = {{pattern.text(), {}}};
  return named;
}

Subscriptions::Replay Subscriptions::replay_for(Session& session, const Pattern& pattern,
                                                const Request& request, const Named& named,
                                                std::uint64_t had_live_after, bool covered) {
  Replay replay;
  const std::size_t events_max = session.config().limits.replay_events;
  const std::size_t bytes_max = room_in(session);

  replay.recovering = request.since.has_value();
  replay.asked = replay.recovering || request.last.has_value();
  if (covered) {
    // It receives this already and nothing is repeated; so it has missed nothing only if it stands
    // at the newest.
    if (replay.recovering && pattern.is_literal())
      replay.recovered =
          history_.recover(pattern.text(), named.topics[0].positions, 0, 0).recovered;
    return replay;
  }

  if (replay.recovering) {
    Recovery recovery =
        pattern.is_literal()
            ? history_.recover(pattern.text(), named.topics[0].positions, events_max, bytes_max)
            : history_.recover(pattern, named.topics, events_max, bytes_max);
    replay.recovered = recovery.recovered;
    replay.events = std::move(recovery.events);
  }
  replay.recovered =
      leave_out_what_is_had(session, pattern, had_live_after, replay.events) && replay.recovered;
  if (replay.recovered) {
    router_.note_recovered(session.outbox(), pattern);
  } else {
    replay.events = newest(pattern, request, events_max, bytes_max);
    replay.asked = replay.asked || !replay.events.empty();
    leave_out_what_is_had(session, pattern, had_live_after, replay.events);
  }
  return replay;
}

// What an implicit membership has brought live, and all of topics that another subscription brings.
// False if that one has not brought all of it: it began later.
bool Subscriptions::leave_out_what_is_had(const Session& session, const Pattern& pattern,
                                          std::uint64_t had_live_after,
                                          std::vector<EventPtr>& events) const {
  bool has_the_rest = true;
  const auto is_had = [&](const EventPtr& event) {
    if (event->arrival() > had_live_after) return true;
    if (pattern.is_literal()) return false;
    const auto since = router_.receives_besides(session.outbox(), event->topic(), pattern);
    if (since && event->arrival() <= *since) has_the_rest = false;
    return since.has_value();
  };
  events.erase(std::remove_if(events.begin(), events.end(), is_had), events.end());
  return has_the_rest;
}

// `last`, or what the route of each topic brings at a first subscribe.
std::vector<EventPtr> Subscriptions::newest(const Pattern& pattern, const Request& request,
                                            std::size_t events_max, std::size_t bytes_max) {
  const std::size_t count = request.last           ? *request.last
                            : pattern.is_literal() ? routes_->match(pattern.text()).replay
                                                   : routes_->replay_max();
  if (count == 0) return {};
  auto events = history_.newest(pattern, std::min(count, events_max), bytes_max);
  if (request.last || pattern.is_literal()) return events;
  // Of each topic only as many as its own route says, the newest first.
  std::unordered_map<std::string_view, std::size_t> taken;
  std::vector<EventPtr> chosen;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    const std::string_view topic = (*event)->topic();
    if (taken[topic]++ < routes_->match(topic).replay) chosen.push_back(*event);
  }
  std::reverse(chosen.begin(), chosen.end());
  return chosen;
}

std::size_t Subscriptions::room_in(const Session& session) const noexcept {
  const std::size_t limit = session.config().limits.queue_bytes;
  const std::size_t queued = session.outbox().queued_bytes();
  return queued < limit ? limit - queued : 0;
}

// --- unsubscribe, fetch, review ------------------------------------------------------------------

void Subscriptions::end(Session& session, const Pattern& pattern) {
  if (!router_.unsubscribe(session.outbox(), pattern)) return;
  --session.asked;
  session.asked_bytes -= static_cast<std::uint32_t>(pattern.text().size());
}

void Subscriptions::unsubscribe_one(Session& session, LongRequest& whole,
                                    const std::string& topic) {
  const auto pattern = Pattern::parse(topic);
  if (!pattern)
    return refuse(session, whole, topic,
                  {ErrorCode::invalid_topic, "this is not a topic or pattern", {}});
  end(session, *pattern);
  for (const char stop : separators)
    if (!pattern->is_literal()) end(session, pattern->stopping_at(stop));
  session.send_text(JsonObject()
                        .text("type", "unsubscribed")
                        .text("topic", topic)
                        .boolean("success", true)
                        .json("id", whole.request.id)
                        .done());
}

bool Subscriptions::fetch(Session& session, const Request& request, bool open_mode) {
  const std::string& topic = request.topics[0];
  const auto refuse = [&](ErrorCode code, std::string_view message) {
    session.refuse(code, refused_text("fetched", topic, code, message, request.id));
    return false;
  };
  const auto pattern = Pattern::parse(topic);
  if (!pattern || !(pattern->is_literal() || request.last))
    return refuse(ErrorCode::invalid_topic, "fetch of one source names one topic, not a pattern");
  if (!session.may_stay) return refuse(ErrorCode::unauthorized, "sign in first");
  const Grants grants(session.config().auth, session.identity.get(), open_mode);
  const auto granted = grants.granted(*pattern);
  if (!granted) return refuse(ErrorCode::forbidden, lacking(session, topic));
  if (request.fault.code != ErrorCode::none)
    return refuse(request.fault.code, request.fault.message);
  if (routes_->match(topic).format == EventFormat::raw)
    return refuse(ErrorCode::invalid_message, "events of a raw route have no id");

  const std::size_t events_max = session.config().limits.replay_events;
  if (request.last && *request.last > events_max)
    return refuse(ErrorCode::limit_exceeded,
                  "\"last\" may be at most " + std::to_string(events_max));

  // Nothing may come between these events and the answer: by its count clients tell them from live ones.
  const Fetched fetched = request.last ? newest_again(session, *granted, request)
                                       : history_.fetch(topic, request.source, request.from,
                                                        request.to, events_max, room_in(session));
  session.outbox().cork();
  session.outbox().replay(fetched.events);
  session.send_text(JsonObject()
                        .text("type", "fetched")
                        .text("topic", topic)
                        .boolean("success", true)
                        .number("count", fetched.events.size())
                        .boolean("complete", fetched.complete)
                        .json("id", request.id)
                        .done());
  session.outbox().uncork();
  return true;
}

// The newest of each topic, whatever the client has had already.
Fetched Subscriptions::newest_again(Session& session, const Pattern& pattern,
                                    const Request& request) {
  const std::size_t events_max = session.config().limits.replay_events;
  Fetched all{history_.newest(pattern, *request.last, no_limit), true};
  if (!pattern.is_literal()) {
    all.complete = all.events.size() < events_max;  // or more of them may be there
    all.events.erase(std::remove_if(all.events.begin(), all.events.end(),
                                    [](const EventPtr& event) { return event->raw(); }),
                     all.events.end());
  }
  std::size_t room = room_in(session);
  auto first = all.events.end();
  while (first != all.events.begin() && (*std::prev(first))->frame().size() <= room)
    room -= (*--first)->frame().size();
  if (first != all.events.begin()) all.complete = false;
  all.events.erase(all.events.begin(), first);
  return all;
}

void Subscriptions::review(Session& session, bool open_mode) {
  const Grants grants(session.config().auth, session.identity.get(), open_mode);
  for (const Pattern& pattern : router_.subscriptions(session.outbox())) {
    const auto granted = grants.granted(pattern.stopping_at(0));
    if (granted && granted->covers(pattern)) {
      // A right that no longer stops where it did: what was asked for is more now.
      if (granted->stop() != pattern.stop() && router_.subscribe(session.outbox(), *granted).fresh)
        router_.unsubscribe(session.outbox(), pattern);
      continue;
    }
    end(session, pattern);
    session.send_text(JsonObject()
                          .text("type", "unsubscribed")
                          .text("topic", pattern.text())
                          .boolean("success", true)
                          .text("code", name_of(ErrorCode::forbidden))
                          .done());
  }
}

}  // namespace zws
