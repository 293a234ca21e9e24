#include "client/subscriptions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "core/json_text.hpp"
#include "core/log.hpp"
#include "core/topic.hpp"

namespace zws {
namespace {

constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

// Between two slices of one request the lane does all other work.
constexpr std::size_t slice_topics = 64;
constexpr std::chrono::milliseconds slice_time{1};
constexpr std::chrono::microseconds look_time{300};  // nothing arrives on any lane meanwhile

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
  if (!session.identity()) return right + "auth.anonymous.subscribe does not give";
  return right + "neither " +
         (session.identity()->topics ? "the token's topics" : "auth.user.subscribe") +
         " nor a role of the token (auth.roles.NAME.subscribe) gives";
}

Refusal raw_refusal() {
  return {ErrorCode::invalid_message, "events of a raw route have no id to go on from", {}};
}

// Whether the session has it without asking.
bool is_own(const Session& session, const Pattern& pattern) {
  if (pattern.text() == topic_all) return true;
  return session.identity() &&
         pattern.text() == std::string(topic_user_prefix) + session.identity()->user;
}

// What the answer to one topic counts in the client's queue, at most.
std::size_t answer_bytes(const Answer& answer, const std::string& id) {
  constexpr std::size_t words = 192;    // and the frame's header, and the quotes of its texts
  constexpr std::size_t position = 26;  // its number, and what stands between two
  std::size_t bytes = Event::place_bytes + words + 2 * answer.topic.size() + id.size();
  for (const Position& each : answer.at) bytes += each.source.size() + position;
  return bytes;
}

std::shared_ptr<Batch> new_place() {
  auto place = std::make_shared<Batch>();
  place->events.push_back(Event::make(Event::Fields{}, {std::string_view()}));
  return place;
}

}  // namespace

Subscriptions::Subscriptions(Router& router, Exchange& exchange, BatchSink& lane,
                             const RouteTable& routes, Find find)
    : router_(router), exchange_(exchange), lane_(lane), routes_(&routes), find_(std::move(find)) {}

void Subscriptions::join_own(Session& session) {
  assert(!session.left());
  if (!session.standing.may_stay) return;  // a guest that has to sign in hears nothing before
  std::vector<Pattern> own;
  const auto add = [&](const std::optional<Pattern>& pattern) {
    if (pattern && !router_.has_implicitly(session.outbox(), *pattern)) own.push_back(*pattern);
  };
  add(Pattern::parse(topic_all));
  if (session.identity() && !session.identity()->user.empty())
    add(Pattern::parse(std::string(topic_user_prefix) + session.identity()->user));
  if (own.empty()) return;
  auto place = new_place();
  const Exchange::Look look = exchange_.look();
  for (const Pattern& each : own) router_.expect(each);
  place->reached = [this, ticket = session.place.ticket, own, since = look.newest_arrival()] {
    join_at_place(ticket, own, since);
  };
  lane_.post(std::move(place));
}

void Subscriptions::join_at_place(std::uint64_t ticket, const std::vector<Pattern>& own,
                                  std::uint64_t since) noexcept {
  Session* session = find_(ticket);
  try {
    for (const Pattern& each : own)
      if (session != nullptr && session->standing.may_stay && is_own(*session, each))
        router_.subscribe(session->outbox(), each, true, since);
  } catch (const std::exception& error) {
    log::error("a client could not join: {}", error.what());
    session->abort();
  }
  for (const Pattern& each : own) router_.no_longer_expected(each);
}

// --- slices --------------------------------------------------------------------------------------

bool Subscriptions::look(Session& session, LongRequest& whole, bool open_mode,
                         std::function<void()> reached) {
  prepare(session, whole, Grants(session.config().auth, session.identity().get(), open_mode));
  const Clock& clock = *session.rules().clock;
  auto place = new_place();
  place->reached = std::move(reached);
  std::size_t room = room_in(session);
  std::size_t looked = 0;
  const Exchange::Look look = exchange_.look();
  if (!look.history().forget_old()) return false;
  whole.looked_at = look.newest_arrival();
  const SteadyTime until = clock.steady() + look_time;
  do {
    Answer& answer = whole.prepared[looked++];
    if (answer.fault.code != ErrorCode::none) continue;
    if (whole.request.type == RequestType::fetch) {
      look_for_fetch(look.history(), session, whole, answer, room);
    } else {
      look_for_subscribe(look.history(), session, whole, answer, room);
    }
    for (const EventPtr& event : answer.events) room -= std::min(room, event->queued_bytes());
  } while (looked < whole.prepared.size() && room > 0 && clock.steady() < until);
  const auto end = whole.prepared.begin() + static_cast<std::ptrdiff_t>(looked);
  whole.slice.assign(std::make_move_iterator(whole.prepared.begin()), std::make_move_iterator(end));
  whole.prepared.erase(whole.prepared.begin(), end);
  lane_.post(std::move(place));
  return true;
}

// What needs no look: rights, bounds, what a `since` says. Nobody waits for it but this client's lane.
void Subscriptions::prepare(Session& session, LongRequest& whole, const Grants& grants) {
  const Clock& clock = *session.rules().clock;
  const SteadyTime until = clock.steady() + slice_time;
  const std::vector<std::string>& topics = whole.request.topics;
  while (whole.next < topics.size() && whole.prepared.size() < slice_topics &&
         (whole.prepared.empty() || clock.steady() < until)) {
    Answer answer;
    answer.topic = topics[whole.next++];
    if (whole.request.type == RequestType::fetch) {
      prepare_fetch(session, whole, grants, answer);
    } else {
      prepare_subscribe(session, whole, grants, answer);
    }
    whole.prepared.push_back(std::move(answer));
  }
}

void Subscriptions::answer(Session& session, LongRequest& whole, bool open_mode) {
  // Out of the request: if the session leaves, that is given up.
  struct Looked {
    ~Looked() { of.expect_no_longer(answers); }
    Subscriptions& of;
    std::vector<Answer> answers;
  } looked{*this, std::exchange(whole.slice, {})};
  const Grants grants(session.config().auth, session.identity().get(), open_mode);
  session.outbox().cork();
  for (Answer& each : looked.answers) {
    if (session.left()) break;
    if (each.fault.code != ErrorCode::none) {
      refuse(session, whole, each);
    } else if (whole.request.type == RequestType::fetch) {
      answer_fetch(session, whole, grants, each);
    } else {
      answer_subscribe(session, whole, grants, each);
    }
  }
  session.outbox().uncork();
}

void Subscriptions::give_up(LongRequest& whole) noexcept {
  expect_no_longer(whole.slice);
  expect_no_longer(whole.prepared);  // where a look failed on its way
  whole.slice.clear();
  whole.prepared.clear();
}

void Subscriptions::expect_no_longer(const std::vector<Answer>& answers) noexcept {
  for (const Answer& each : answers)
    if (each.expected) router_.no_longer_expected(*each.pattern);
}

void Subscriptions::refuse(Session& session, LongRequest& whole, const Answer& answer) {
  const RequestType type = whole.request.type;
  const std::string_view name = type == RequestType::subscribe     ? "subscribed"
                                : type == RequestType::unsubscribe ? "unsubscribed"
                                                                   : "fetched";
  whole.refused = true;
  session.refuse(answer.fault.code, refused_text(name, answer.topic, answer.fault.code,
                                                 answer.fault.message, whole.request.id));
}

// --- subscribe -----------------------------------------------------------------------------------

void Subscriptions::prepare_subscribe(Session& session, LongRequest& whole, const Grants& grants,
                                      Answer& answer) {
  const Request& request = whole.request;
  const std::size_t most = session.config().limits.subscriptions;
  answer.fault = whole.next > most ? Refusal{ErrorCode::limit_exceeded,
                                             fmt::format("a request may name {} topics", most),
                                             {}}
                                   : fault_of(session, answer.topic, request, grants);
  if (answer.fault.code != ErrorCode::none) return;
  answer.pattern = grants.granted(*Pattern::parse(answer.topic));
  if (request.since) answer.fault = read_since(whole, answer);
  if (answer.fault.code != ErrorCode::none) return;
  const bool fresh = !holds(session, *answer.pattern);
  answer.covered = !fresh || is_covered(session, whole, *answer.pattern);
  if (fresh) count(session, answer);
}

void Subscriptions::look_for_subscribe(History& history, Session& session, LongRequest& whole,
                                       Answer& answer, std::size_t& room) {
  router_.expect(*answer.pattern);
  answer.expected = true;
  if (answer.pattern->is_literal()) answer.at = history.positions(answer.topic);
  room -= std::min(room, answer_bytes(answer, whole.request.id));
  look_for_missed(history, session, whole, answer, room);
}

// Whether the client receives a topic already, or will by what the same request asks for before it.
bool Subscriptions::is_covered(const Session& session, const LongRequest& whole,
                               const Pattern& pattern) const {
  const std::string& topic = pattern.text();
  if (!pattern.is_literal() || is_reserved(topic)) return false;
  return router_.receives(session.outbox(), topic) ||
         std::any_of(whole.prepared.begin(), whole.prepared.end(), [&](const Answer& before) {
           return before.fault.code == ErrorCode::none && before.pattern->matches(topic);
         });
}

void Subscriptions::answer_subscribe(Session& session, LongRequest& whole, const Grants& grants,
                                     Answer& answer) {
  const Request& request = whole.request;
  const Pattern& pattern = *answer.pattern;
  const auto granted = grants.granted(pattern.stopping_at(0));
  // A reload may have come between.
  if (!session.standing.may_stay || !granted || !granted->covers(pattern)) {
    if (answer.counted) forget_asked(session, answer.topic);
    answer.fault = {ErrorCode::forbidden, lacking(session, answer.topic), {}};
    return refuse(session, whole, answer);
  }
  // What brought it may have ended between.
  if (answer.covered && !router_.asked(session.outbox(), pattern) &&
      !router_.receives(session.outbox(), answer.topic))
    answer.recovered = false;
  const Router::Joined joined =
      router_.subscribe(session.outbox(), pattern, false, whole.looked_at);
  // A reload may have ended it meanwhile, or have had it take the place of another.
  if (joined.fresh && !answer.counted) count(session, answer);
  if (!joined.fresh && answer.counted) forget_asked(session, answer.topic);
  const bool recovering = request.since.has_value();
  const bool asked = recovering || request.last.has_value() || !answer.events.empty();
  if (!request.last && !pattern.is_literal() && !answer.recovered) trim_to_routes(answer.events);
  const bool has_the_rest =
      leave_out_what_is_had(session, pattern, joined.had_live_after, answer.events);
  if (answer.recovered && !has_the_rest) {
    answer.recovered = false;
    answer.events.clear();
  }
  if (answer.recovered) router_.note_recovered(session.outbox(), pattern);
  session.send_text(
      subscribed_text(pattern, pattern.is_literal() ? positions_json(answer.at) : std::string{},
                      asked, recovering, answer.recovered, answer.events.size(), request.id));
  session.outbox().replay(answer.events);
  if (granted->stop() != pattern.stop()) widen(session, pattern, *granted);
}

void Subscriptions::count(Session& session, Answer& answer) noexcept {
  answer.counted = true;
  session.usage.add(answer.topic);
}

// What an implicit membership has brought live, and all of topics that another subscription brings.
// False if that one has not brought all of it: it began later.
bool Subscriptions::leave_out_what_is_had(Session& session, const Pattern& pattern,
                                          std::uint64_t had_live_after,
                                          std::vector<EventPtr>& events) {
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

Refusal Subscriptions::fault_of(Session& session, const std::string& topic, const Request& request,
                                const Grants& grants) const {
  const auto pattern = Pattern::parse(topic);
  if (!pattern)
    return {
        ErrorCode::invalid_topic,
        "a topic is 1 to 255 bytes without control characters; '*' stands last or for a segment",
        {}};
  if (!session.standing.may_stay)
    return {ErrorCode::unauthorized, "sign in first: {\"type\":\"auth\",\"token\":...}", {}};
  const auto granted = grants.granted(*pattern);
  if (!granted) return {ErrorCode::forbidden, lacking(session, topic), {}};
  const LimitsConfig& limits = session.config().limits;
  const std::size_t bytes_max = name_bytes_at_least + limits.subscriptions * name_bytes_each;
  const bool full = session.usage.subscriptions >= limits.subscriptions;
  if ((full || session.usage.subscription_bytes + topic.size() > bytes_max) &&
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

// What `since` says of the topic or pattern.
Refusal Subscriptions::read_since(LongRequest& whole, Answer& answer) const {
  const Request& request = whole.request;
  const Pattern& pattern = *answer.pattern;
  const Since& since = *request.since;
  if (!since.by_topic && (!pattern.is_literal() || request.topics.size() > 1))
    return {ErrorCode::invalid_message,
            "for a pattern or several topics, \"since\" is an object: topic -> positions",
            {}};
  answer.resumable = true;
  if (since.by_topic) {
    const Refusal fault = read_named(since, whole, answer);
    if (fault.code != ErrorCode::none) return fault;
  } else {
    answer.since = since.positions;
  }
  if (pattern.is_literal() && is_raw(pattern.text())) return raw_refusal();
  return {};
}

// Its topics are in order of name, so those of one topic or pattern are found without going through all
// of them for each. Those that begin like a pattern take one of the request's looks each.
Refusal Subscriptions::read_named(const Since& since, LongRequest& whole, Answer& answer) const {
  const Pattern& pattern = *answer.pattern;
  const std::string_view begin =
      std::string_view(pattern.text()).substr(0, pattern.text().find('*'));
  const auto before = [](const TopicPosition& each, std::string_view name) {
    return each.topic < name;
  };
  auto next = std::lower_bound(since.topics.begin(), since.topics.end(), begin, before);
  if (pattern.is_literal()) {
    // A topic the client does not name is one of which it has seen nothing.
    if (next != since.topics.end() && next->topic == begin) answer.since = next->positions;
    return {};
  }
  const auto first = next;
  for (; next != since.topics.end() && next->topic.compare(0, begin.size(), begin) == 0; ++next) {
    answer.resumable = whole.looks_left > 0;
    if (!answer.resumable) return {};
    --whole.looks_left;
    if (pattern.matches(next->topic) && is_raw(next->topic)) return raw_refusal();
  }
  const TopicPosition* const all = since.topics.data();
  answer.named = {all + (first - since.topics.begin()), all + (next - since.topics.begin())};
  return {};
}

bool Subscriptions::is_raw(std::string_view topic) const noexcept {
  return routes_->match(topic).format == EventFormat::raw;
}

void Subscriptions::look_for_missed(History& history, Session& session, LongRequest& whole,
                                    Answer& answer, std::size_t room) {
  const Request& request = whole.request;
  const Pattern& pattern = *answer.pattern;
  const std::size_t events_max = session.config().limits.replay_events;
  if (answer.covered) {
    // Nothing is repeated; so it has missed nothing only if it stands at the newest.
    if (request.since && pattern.is_literal())
      answer.recovered = history.recover(pattern.text(), answer.since, 0, 0).recovered;
    return;
  }
  if (answer.resumable) {
    Recovery recovery =
        pattern.is_literal()
            ? history.recover(pattern.text(), answer.since, events_max, room)
            : history.recover(pattern, answer.named, events_max, room, whole.looks_left);
    answer.recovered = recovery.recovered;
    answer.events = std::move(recovery.events);
  }
  if (answer.recovered) return;
  // `last`, or what the route of each topic brings at a first subscribe.
  const std::size_t count = request.last           ? *request.last
                            : pattern.is_literal() ? routes_->match(pattern.text()).replay
                                                   : routes_->replay_max();
  if (count != 0)
    answer.events = history.newest(pattern, std::min(count, events_max), room, whole.looks_left);
}

// Of each topic only as many as its own route says, the newest first.
void Subscriptions::trim_to_routes(std::vector<EventPtr>& events) const {
  std::unordered_map<std::string_view, std::size_t> taken;
  std::vector<EventPtr> chosen;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    const std::string_view topic = (*event)->topic();
    if (taken[topic]++ < routes_->match(topic).replay) chosen.push_back(*event);
  }
  std::reverse(chosen.begin(), chosen.end());
  events = std::move(chosen);
}

std::size_t Subscriptions::room_in(const Session& session) const noexcept {
  const std::size_t limit = session.config().limits.queue_bytes;
  const std::size_t queued = session.outbox().queued_bytes();
  return queued < limit ? limit - queued : 0;
}

// --- unsubscribe ---------------------------------------------------------------------------------

void Subscriptions::unsubscribe(Session& session, LongRequest& whole) {
  const Clock& clock = *session.rules().clock;
  const SteadyTime until = clock.steady() + slice_time;
  session.outbox().cork();
  std::size_t left = slice_topics;
  do {
    unsubscribe_next(session, whole);
  } while (!whole.done() && !session.left() && --left > 0 && !session.outbox().at_bound() &&
           clock.steady() < until);
  session.outbox().uncork();
}

void Subscriptions::unsubscribe_next(Session& session, LongRequest& whole) {
  const std::size_t most = session.config().limits.subscriptions;
  Answer answer;
  answer.topic = whole.request.topics[whole.next++];
  const auto pattern = Pattern::parse(answer.topic);
  if (whole.next > most) {
    answer.fault = {
        ErrorCode::limit_exceeded, fmt::format("a request may name {} topics", most), {}};
  } else if (!pattern) {
    answer.fault = {ErrorCode::invalid_topic, "this is not a topic or pattern", {}};
  }
  if (answer.fault.code != ErrorCode::none) return refuse(session, whole, answer);
  end(session, *pattern);
  for (const char stop : separators)
    if (!pattern->is_literal()) end(session, pattern->stopping_at(stop));
  session.send_text(JsonObject()
                        .text("type", "unsubscribed")
                        .text("topic", answer.topic)
                        .boolean("success", true)
                        .json("id", whole.request.id)
                        .done());
}

// With whichever right, and so up to whichever stop, it asked for that.
bool Subscriptions::holds(const Session& session, const Pattern& pattern) const noexcept {
  const auto asked_up_to = [&](char stop) {
    return router_.asked(session.outbox(), pattern.stopping_at(stop));
  };
  if (pattern.is_literal()) return router_.asked(session.outbox(), pattern);
  return asked_up_to(0) || std::any_of(separators.begin(), separators.end(), asked_up_to);
}

void Subscriptions::end(Session& session, const Pattern& pattern) {
  if (router_.unsubscribe(session.outbox(), pattern)) forget_asked(session, pattern.text());
}

void Subscriptions::forget_asked(Session& session, const std::string& topic) noexcept {
  session.usage.drop(topic);
}

// --- fetch ---------------------------------------------------------------------------------------

void Subscriptions::prepare_fetch(const Session& session, const LongRequest& whole,
                                  const Grants& grants, Answer& answer) const {
  const auto pattern = Pattern::parse(answer.topic);
  answer.fault = fetch_fault(session, whole.request, pattern, grants);
  if (answer.fault.code == ErrorCode::none) answer.pattern = grants.granted(*pattern);
}

void Subscriptions::look_for_fetch(History& history, const Session& session, LongRequest& whole,
                                   Answer& answer, std::size_t& room) {
  const Request& request = whole.request;
  const std::size_t events_max = session.config().limits.replay_events;
  room -= std::min(room, answer_bytes(answer, request.id));
  if (request.last) {
    answer.events = history.newest(*answer.pattern, *request.last, no_limit, whole.looks_left);
    answer.complete = answer.pattern->is_literal() || whole.looks_left != 0;
    leave_out_what_does_not_fit(*answer.pattern, events_max, room, answer);
    return;
  }
  Fetched range =
      history.fetch(answer.topic, request.source, request.from, request.to, events_max, room);
  answer.events = std::move(range.events);
  answer.complete = range.complete;
}

Refusal Subscriptions::fetch_fault(const Session& session, const Request& request,
                                   const std::optional<Pattern>& pattern,
                                   const Grants& grants) const {
  if (!pattern || !(pattern->is_literal() || request.last))
    return {ErrorCode::invalid_topic, "fetch of one source names one topic, not a pattern", {}};
  if (!session.standing.may_stay) return {ErrorCode::unauthorized, "sign in first", {}};
  if (!grants.granted(*pattern))
    return {ErrorCode::forbidden, lacking(session, pattern->text()), {}};
  if (request.fault.code != ErrorCode::none) return request.fault;
  if (is_raw(pattern->text()))
    return {ErrorCode::invalid_message, "events of a raw route have no id", {}};
  const std::size_t events_max = session.config().limits.replay_events;
  if (request.last && *request.last > events_max)
    return {ErrorCode::limit_exceeded, "\"last\" may be at most " + std::to_string(events_max), {}};
  return {};
}

void Subscriptions::leave_out_what_does_not_fit(const Pattern& pattern, std::size_t events_max,
                                                std::size_t room, Answer& answer) {
  std::vector<EventPtr>& events = answer.events;
  if (!pattern.is_literal()) {
    if (events.size() >= events_max) answer.complete = false;  // more of them may be there
    events.erase(std::remove_if(events.begin(), events.end(),
                                [](const EventPtr& event) { return event->raw(); }),
                 events.end());
  }
  auto first = events.end();
  while (first != events.begin() && (*std::prev(first))->queued_bytes() <= room)
    room -= (*--first)->queued_bytes();
  if (first != events.begin()) answer.complete = false;
  events.erase(events.begin(), first);
}

// Nothing may come between these events and the answer: by its count clients tell them from live ones.
void Subscriptions::answer_fetch(Session& session, LongRequest& whole, const Grants& grants,
                                 Answer& answer) {
  // A reload may have come between.
  const auto pattern = Pattern::parse(answer.topic);
  answer.fault = fetch_fault(session, whole.request, pattern, grants);
  if (answer.fault.code == ErrorCode::none && !grants.granted(*pattern)->covers(*answer.pattern))
    answer.fault = {ErrorCode::forbidden, lacking(session, answer.topic), {}};
  if (answer.fault.code != ErrorCode::none) return refuse(session, whole, answer);
  session.outbox().replay(answer.events);
  session.send_text(JsonObject()
                        .text("type", "fetched")
                        .text("topic", answer.topic)
                        .boolean("success", true)
                        .number("count", answer.events.size())
                        .boolean("complete", answer.complete)
                        .json("id", whole.request.id)
                        .done());
}

// --- review --------------------------------------------------------------------------------------

void Subscriptions::review(Session& session, bool open_mode) {
  if (session.usage.long_request) prepare_again(*session.usage.long_request);
  ++session.usage.reviews;
  const Grants grants(session.config().auth, session.identity().get(), open_mode);
  for (const Pattern& pattern : router_.subscriptions(session.outbox())) {
    const auto granted = grants.granted(pattern.stopping_at(0));
    if (granted && granted->covers(pattern)) {
      // A right that no longer stops where it did: what was asked for is more now.
      if (granted->stop() != pattern.stop()) widen(session, pattern, *granted);
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

// What has not been looked at was granted, and found to be covered, by what held before.
void Subscriptions::prepare_again(LongRequest& whole) noexcept {
  for (const Answer& each : whole.prepared)
    if (each.counted) forget_asked(whole.session, each.topic);
  whole.next -= whole.prepared.size();
  whole.prepared.clear();
}

// It goes on hearing the one until the lane comes to the place; from there on it hears the other, and
// what it has not heard before the place it is not said to have.
void Subscriptions::widen(Session& session, const Pattern& from, const Pattern& to) {
  auto place = new_place();
  const Exchange::Look look = exchange_.look();
  router_.expect(to);
  place->reached = [this, ticket = session.place.ticket, review = session.usage.reviews, from, to,
                    since = look.newest_arrival()] {
    Session* its = find_(ticket);
    const bool wanted =
        its != nullptr && its->usage.reviews == review;  // the last word on its rights
    try {
      if (wanted) widen_at_place(*its, from, to, since);
    } catch (const std::exception& error) {
      log::error("a client could not be given what it may hear now: {}", error.what());
      its->abort();
    }
    router_.no_longer_expected(to);
  };
  lane_.post(std::move(place));
}

void Subscriptions::widen_at_place(Session& session, const Pattern& from, const Pattern& to,
                                   std::uint64_t since) {
  if (!router_.asked(session.outbox(), from)) return;
  if (router_.subscribe(session.outbox(), to, false, since).fresh) {
    router_.unsubscribe(session.outbox(), from);
  } else {
    end(session, from);
  }
}

}  // namespace zws
