#include "client/slices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "client/fetch.hpp"
#include "core/json_text.hpp"
#include "core/keyed_hash.hpp"
#include "core/topic.hpp"

namespace zws {
namespace {

// Between two slices of one request the lane does all other work.
constexpr std::size_t slice_topics = 64;
constexpr std::chrono::milliseconds slice_time{1};
constexpr std::chrono::microseconds look_time{300};  // nothing arrives on any lane meanwhile

// What another bridge has told a client already is here in less than that, or never.
constexpr std::chrono::milliseconds behind_at_most{250};

// What the names of one connection's subscriptions may come to, since a name may have 255 bytes and take
// as many places in the index of patterns: this, and so much for each that it may hold.
constexpr std::size_t name_bytes_at_least = 4096;
constexpr std::size_t name_bytes_each = 128;

// What a source takes in the answer, besides its topic.
constexpr std::size_t source_words = 128;
constexpr std::size_t looks_per_source = 4;

// As JSON, what is there is told.
struct Subscribed {
  std::string at;
  std::string sources;
  std::optional<bool> recovered;
  std::optional<std::size_t> replayed;
};

std::string subscribed_text(const Pattern& pattern, const Subscribed& words,
                            const std::string& id) {
  JsonObject answer;
  answer.text("type", "subscribed").text("topic", pattern.text()).boolean("success", true);
  answer.json("at", words.at).json("sources", words.sources);
  if (words.recovered) answer.boolean("recovered", *words.recovered);
  if (words.replayed) answer.number("replayed", *words.replayed);
  return answer.json("id", id).done();
}

std::string sources_json(const std::vector<KnownSource>& sources, const Pattern& pattern,
                         const Clock& clock) {
  const SteadyTime now = clock.steady();
  const WallTime wall = clock.wall();
  std::string list = "[";
  for (const KnownSource& source : sources) {
    if (list.size() > 1) list += ',';
    JsonObject one;
    if (!pattern.is_literal()) one.text("topic", source.topic);
    one.text("src", source.src).boolean("alive", source.state != SourceState::lost);
    one.text("heard",
             rfc3339(wall - std::chrono::duration_cast<WallTime::duration>(now - source.heard)));
    if (source.state == SourceState::silent) one.boolean("silent", true);
    list += one.done();
  }
  return list += ']';
}

Refusal raw_refusal() {
  return {ErrorCode::invalid_message, "events of a raw route have no id to go on from", {}};
}

// It may name thousands, which are looked at once each, however often it is asked while they come.
bool names_what_is_to_come(History& history, Answer& answer) {
  const auto is_here = [&](const TopicPosition& each) {
    return !answer.pattern->matches(each.topic) || !history.is_behind(each.topic, each.positions);
  };
  const auto* const to_come =
      std::find_if_not(answer.named.begin() + answer.caught_up, answer.named.end(), is_here);
  answer.caught_up = static_cast<std::size_t>(to_come - answer.named.begin());
  return to_come != answer.named.end();
}

}  // namespace

Slices::Slices(Router& router, Exchange& exchange, BatchSink& lane, const RouteTable& routes,
               Subscriptions& subscriptions)
    : router_(router),
      exchange_(exchange),
      lane_(lane),
      routes_(&routes),
      subscriptions_(subscriptions) {}

Outlook Slices::look(Session& session, LongRequest& whole, bool open_mode,
                     std::function<void()> reached) {
  prepare(session, whole, Grants(session.config().auth, session.identity().get(), open_mode));
  const Clock& clock = *session.rules().clock;
  auto place = new_place();
  place->reached = std::move(reached);
  std::size_t room = room_in(session);
  std::size_t looked = 0;
  const Exchange::Look look = exchange_.look();
  if (!look.history().forget_old()) return Outlook::not_yet;
  if (exchange_.archive() != nullptr) note_past(look.history(), whole);
  if (!whole.past.empty()) return Outlook::past;
  whole.looked_at = look.newest_arrival();
  const SteadyTime until = clock.steady() + look_time;
  do {
    Answer& answer = whole.prepared[looked];
    if (is_behind(look.history(), session, answer, clock.steady())) break;
    ++looked;
    if (answer.fault.code != ErrorCode::none) continue;
    if (whole.request.type == RequestType::fetch) {
      Fetch::look(look.history(), whole, answer, room);
    } else {
      look_for_subscribe(look, session, whole, answer, room);
    }
    for (const EventPtr& event : answer.events) room -= std::min(room, event->queued_bytes());
  } while (looked < whole.prepared.size() && room > 0 && clock.steady() < until);
  if (looked == 0) return Outlook::behind;
  const auto end = whole.prepared.begin() + static_cast<std::ptrdiff_t>(looked);
  whole.slice.assign(std::make_move_iterator(whole.prepared.begin()), std::make_move_iterator(end));
  whole.prepared.erase(whole.prepared.begin(), end);
  lane_.post(std::move(place));
  return Outlook::done;
}

// Each topic is asked for once: what the archive does not know then, the answer goes without.
void Slices::note_past(History& history, LongRequest& whole) const {
  Archive& archive = *exchange_.archive();
  for (Answer& each : whole.prepared) {
    if (each.fault.code != ErrorCode::none || std::exchange(each.past_asked, true)) continue;
    if (!each.pattern->is_literal() || !may_lack(history, whole, each)) continue;
    if (archive.may_know(each.topic)) whole.past.push_back(each.topic);
  }
}

// Whether what is known here does not prove the answer, or may not be all: a source may have fallen silent
// before this bridge began to listen.
bool Slices::may_lack(History& history, const LongRequest& whole, const Answer& answer) const {
  const Request& request = whole.request;
  const Route& route = routes_->match(answer.topic);
  const SteadyTime now = whole.session.rules().clock->steady();
  const bool young = now - exchange_.archive()->began() < route.ttl;
  const std::size_t last = request.last                         ? *request.last
                           : request.type == RequestType::fetch ? 0
                                                                : route.replay;
  if (request.type == RequestType::fetch && !request.last)
    return !history.holds(answer.topic, request.source, request.from);
  if (answer.covered) return false;
  if (answer.resumable && (young || !history.proves(answer.topic, answer.since))) return true;
  const std::size_t kept = last == 0 ? 0 : history.kept(answer.topic).events;
  return kept < last && (young || kept == 0);
}

// A client that comes from another bridge may have heard there what is still on its way to this one. It would
// be told a loss that is none, and hear that event twice: so its request waits a moment. All its requests have the
// same one: who asks for each topic apart, of a bridge that has forgotten all of them, must not wait for each.
bool Slices::is_behind(History& history, Session& session, Answer& answer, SteadyTime now) {
  if (!answer.resumable || answer.fault.code != ErrorCode::none) return false;
  SteadyTime& until = session.usage.behind_until;
  if (until != SteadyTime{} && until < now) return false;
  const bool behind = answer.pattern->is_literal() ? history.is_behind(answer.topic, answer.since)
                                                   : names_what_is_to_come(history, answer);
  if (behind && until == SteadyTime{}) until = now + behind_at_most;
  return behind;
}

// What needs no look: rights, bounds, what a `since` says. Nobody waits for it but this client's lane.
void Slices::prepare(Session& session, LongRequest& whole, const Grants& grants) {
  const Clock& clock = *session.rules().clock;
  const SteadyTime until = clock.steady() + slice_time;
  const std::vector<std::string>& topics = whole.request.topics;
  while (whole.next < topics.size() && whole.prepared.size() < slice_topics &&
         (whole.prepared.empty() || clock.steady() < until)) {
    Answer answer;
    answer.topic = topics[whole.next++];
    if (whole.request.type == RequestType::fetch) {
      Fetch::prepare(whole, *routes_, grants, answer);
    } else {
      prepare_subscribe(session, whole, grants, answer);
    }
    whole.prepared.push_back(std::move(answer));
  }
}

void Slices::answer(Session& session, LongRequest& whole, bool open_mode) {
  // Out of the request: if the session leaves, that is given up.
  struct Looked {
    ~Looked() { of.expect_no_longer(answers, sources); }
    Slices& of;
    const bool sources;
    std::vector<Answer> answers;
  } looked{*this, whole.request.sources, std::exchange(whole.slice, {})};
  const Grants grants(session.config().auth, session.identity().get(), open_mode);
  session.outbox().cork();
  for (Answer& each : looked.answers) {
    if (session.left()) break;
    if (each.fault.code != ErrorCode::none) {
      whole.refuse(each);
    } else if (whole.request.type == RequestType::fetch) {
      Fetch::answer(whole, *routes_, grants, each);
    } else {
      answer_subscribe(session, whole, grants, each);
    }
  }
  session.outbox().uncork();
}

void Slices::give_up(LongRequest& whole) noexcept {
  expect_no_longer(whole.slice, whole.request.sources);
  expect_no_longer(whole.prepared, whole.request.sources);  // where a look failed on its way
  whole.slice.clear();
  whole.prepared.clear();
}

void Slices::expect_no_longer(const std::vector<Answer>& answers, bool sources) noexcept {
  for (const Answer& each : answers)
    if (each.expected) router_.no_longer_expected(*each.pattern, sources);
}

// What has not been looked at was granted, and found to be covered, by what held before.
void Slices::prepare_again(LongRequest& whole) noexcept {
  for (const Answer& each : whole.prepared)
    if (each.counted) whole.session.usage.drop(each.topic);
  whole.next -= whole.prepared.size();
  whole.prepared.clear();
}

// --- subscribe -----------------------------------------------------------------------------------

void Slices::prepare_subscribe(Session& session, LongRequest& whole, const Grants& grants,
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
  const bool fresh = !subscriptions_.holds(session, *answer.pattern);
  answer.covered = !fresh || is_covered(session, whole, *answer.pattern);
  if (fresh) count(session, answer);
}

void Slices::look_for_subscribe(const Exchange::Look& look, Session& session, LongRequest& whole,
                                Answer& answer, std::size_t& room) {
  History& history = look.history();
  if (whole.request.sources && !look_for_sources(look, session, whole, answer)) return;
  router_.expect(*answer.pattern, whole.request.sources);
  answer.expected = true;
  if (answer.pattern->is_literal()) answer.at = history.positions(answer.topic);
  room -= std::min(room, answer.queued_bytes(whole.request.id));
  look_for_missed(history, session, whole, answer, room);
}

// Which sources there are; what changes later is told from now on. Each topic takes one of the request's
// looks, and each source some. It is refused where they do not suffice, or where the answer would be more than
// the client's queue may hold.
bool Slices::look_for_sources(const Exchange::Look& look, Session& session, LongRequest& whole,
                              Answer& answer) const {
  const std::size_t bytes_max = session.config().limits.queue_bytes;
  std::size_t bytes = 0;
  bool fits = true;
  const auto add = [&](std::string_view topic) {
    if (!fits) return;
    const std::size_t before = answer.sources.size();
    look.sources(topic, answer.sources);
    const std::size_t found = answer.sources.size() - before;
    const std::size_t looks = found * looks_per_source;
    bytes += found * (topic.size() + source_words);
    fits = looks <= whole.looks_left && (answer.pattern->is_literal() || bytes <= bytes_max);
    whole.looks_left -= std::min(looks, whole.looks_left);
  };
  if (answer.pattern->is_literal()) {
    add(answer.topic);
  } else {
    const bool all = look.history().matching(*answer.pattern, whole.looks_left, add);
    fits = fits && all;
  }
  if (fits) return true;
  answer.sources.clear();
  answer.fault = {ErrorCode::limit_exceeded,
                  "more sources than one request may look at (limits.request_looks)",
                  {}};
  if (std::exchange(answer.counted, false)) session.usage.drop(answer.topic);
  return false;
}

// Whether the client receives a topic already, or will by what the same request asks for before it.
bool Slices::is_covered(const Session& session, const LongRequest& whole,
                        const Pattern& pattern) const {
  const std::string& topic = pattern.text();
  if (!pattern.is_literal() || is_reserved(topic)) return false;
  return router_.receives(session.outbox(), topic) ||
         std::any_of(whole.prepared.begin(), whole.prepared.end(), [&](const Answer& before) {
           return before.fault.code == ErrorCode::none && before.pattern->matches(topic);
         });
}

void Slices::answer_subscribe(Session& session, LongRequest& whole, const Grants& grants,
                              Answer& answer) {
  const Request& request = whole.request;
  const Pattern& pattern = *answer.pattern;
  const auto granted = grants.granted(pattern.stopping_at(0));
  // A reload may have come between.
  if (!session.standing.may_stay || !granted || !granted->covers(pattern)) {
    if (answer.counted) session.usage.drop(answer.topic);
    answer.fault = forbidden(session, answer.topic);
    return whole.refuse(answer);
  }
  // What brought it may have ended between.
  if (answer.covered && !router_.asked(session.outbox(), pattern) &&
      !router_.receives(session.outbox(), answer.topic))
    answer.recovered = false;
  const Router::Joined joined =
      router_.subscribe(session.outbox(), pattern, false, whole.looked_at);
  // A reload may have ended it meanwhile, or have had it take the place of another.
  if (joined.fresh && !answer.counted) count(session, answer);
  if (!joined.fresh && answer.counted) session.usage.drop(answer.topic);
  const bool recovering = request.since.has_value();
  const bool asked = recovering || request.last.has_value() || !answer.events.empty();
  if (!request.last && !pattern.is_literal() && !answer.recovered) trim_to_routes(answer.events);
  const bool has_the_rest =
      leave_out_what_is_had(session, pattern, joined.had_live_after, answer.events);
  if (answer.recovered && !has_the_rest) {
    answer.recovered = false;
    answer.events.clear();
  }
  if (answer.recovered) router_.note_recovered(session.outbox(), pattern, whole.looked_at);
  if (request.sources) router_.tell_sources(session.outbox(), pattern);
  Subscribed words;
  if (pattern.is_literal()) words.at = positions_json(answer.at);
  if (request.sources)
    words.sources = sources_json(answer.sources, pattern, *session.rules().clock);
  if (recovering) words.recovered = answer.recovered;
  if (asked) words.replayed = answer.events.size();
  session.send_text(subscribed_text(pattern, words, request.id));
  session.outbox().replay(answer.events);
  if (granted->stop() != pattern.stop()) subscriptions_.widen(session, pattern, *granted);
}

void Slices::count(Session& session, Answer& answer) noexcept {
  answer.counted = true;
  session.usage.add(answer.topic);
}

// What an implicit membership has brought live, and all of topics that another subscription brings.
// False if that one has not brought all of it: it began later.
bool Slices::leave_out_what_is_had(Session& session, const Pattern& pattern,
                                   std::uint64_t had_live_after, std::vector<EventPtr>& events) {
  bool has_the_rest = true;
  std::optional<Router::Own> own;
  if (!pattern.is_literal() && !events.empty()) own.emplace(router_, session.outbox());
  std::unordered_map<std::string, std::optional<std::uint64_t>, KeyedHash> had_since;  // by topic
  const auto is_had = [&](const EventPtr& event) {
    if (event->arrival() > had_live_after) return true;
    if (!own) return false;
    const auto [known, fresh] = had_since.try_emplace(std::string(event->topic()));
    if (fresh) known->second = own->since_besides(event->topic(), pattern);
    const std::optional<std::uint64_t>& since = known->second;
    if (since && event->arrival() <= *since) has_the_rest = false;
    return since.has_value();
  };
  events.erase(std::remove_if(events.begin(), events.end(), is_had), events.end());
  return has_the_rest;
}

Refusal Slices::fault_of(Session& session, const std::string& topic, const Request& request,
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
  if (!granted) return forbidden(session, topic);
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
Refusal Slices::read_since(LongRequest& whole, Answer& answer) const {
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
Refusal Slices::read_named(const Since& since, LongRequest& whole, Answer& answer) const {
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

bool Slices::is_raw(std::string_view topic) const noexcept {
  return routes_->match(topic).format == EventFormat::raw;
}

void Slices::look_for_missed(History& history, Session& session, LongRequest& whole, Answer& answer,
                             std::size_t room) {
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
  leave_out_former_raw(answer.events);
}

// What came while a topic's route was raw, and is not any more: who subscribes now expects an @id.
void Slices::leave_out_former_raw(std::vector<EventPtr>& events) const {
  events.erase(std::remove_if(
                   events.begin(), events.end(),
                   [&](const EventPtr& event) { return event->raw() && !is_raw(event->topic()); }),
               events.end());
}

// Of each topic only as many as its own route says, the newest first.
void Slices::trim_to_routes(std::vector<EventPtr>& events) const {
  std::unordered_map<std::string_view, std::size_t, KeyedHash> taken;
  std::vector<EventPtr> chosen;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    const std::string_view topic = (*event)->topic();
    if (taken[topic]++ < routes_->match(topic).replay) chosen.push_back(*event);
  }
  std::reverse(chosen.begin(), chosen.end());
  events = std::move(chosen);
}

std::size_t Slices::room_in(const Session& session) const noexcept {
  const std::size_t limit = session.config().limits.queue_bytes;
  const std::size_t queued = session.outbox().queued_bytes();
  return queued < limit ? limit - queued : 0;
}

// --- unsubscribe ---------------------------------------------------------------------------------

void Slices::unsubscribe(Session& session, LongRequest& whole) {
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

void Slices::unsubscribe_next(Session& session, LongRequest& whole) {
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
  if (answer.fault.code != ErrorCode::none) return whole.refuse(answer);
  subscriptions_.end(session, *pattern);
  for (const char stop : separators)
    if (!pattern->is_literal()) subscriptions_.end(session, pattern->stopping_at(stop));
  session.send_text(JsonObject()
                        .text("type", "unsubscribed")
                        .text("topic", answer.topic)
                        .boolean("success", true)
                        .json("id", whole.request.id)
                        .done());
}

}  // namespace zws
