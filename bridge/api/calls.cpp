#include "api/calls.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_set>

#include "api/body.hpp"
#include "api/busiest.hpp"
#include "api/fleet_totals.hpp"
#include "api/list_query.hpp"
#include "api/log_lines.hpp"
#include "api/reach.hpp"
#include "api/session_walk.hpp"
#include "core/json_text.hpp"
#include "core/keyed_hash.hpp"
#include "core/log_memory.hpp"
#include "core/position.hpp"
#include "core/topic.hpp"
#include "core/user.hpp"
#include "metrics/prometheus.hpp"

namespace zws {
namespace {

constexpr std::size_t busiest_topics = 20;
constexpr std::size_t listed_users = 100;
constexpr std::size_t target_users_max = 10'000;
constexpr std::size_t notify_bytes_max = std::size_t{16} << 20;  // of all copies together
constexpr std::size_t published_at_once = 128;
constexpr std::size_t published_bytes_at_once = std::size_t{64} << 10;
constexpr std::size_t page_bytes_max = std::size_t{1} << 20;

HttpResponse ok(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

std::string busiest_json(std::vector<TopicLoad> all) {
  std::stable_sort(all.begin(), all.end(),
                   [](const TopicLoad& a, const TopicLoad& b) { return a.events > b.events; });
  if (all.size() > busiest_topics) all.resize(busiest_topics);
  std::vector<std::string> rows;
  for (const TopicLoad& load : all) rows.push_back(load_json(load));
  return json_list(rows);
}

void require_topic(const std::string& topic) {
  const TopicFault fault = topic_fault(topic);
  if (fault != TopicFault::none)
    throw ApiRefusal{400, "invalid_topic",
                     "\"topic\" must be 1 to 255 bytes without control characters or '*'"};
}

}  // namespace

// --- the fleet -----------------------------------------------------------------------------------

namespace {

std::int64_t unix_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What the other bridges are to deliver, numbered here.
FleetCall call_of(std::vector<Publication> publications, const std::vector<Position>& positions) {
  FleetCall call{FleetCall::Kind::publish, {}, {}};
  for (std::size_t i = 0; i < publications.size(); ++i)
    call.events.push_back({std::move(publications[i].topic), positions.at(i).source,
                           positions[i].seq, publications[i].sent_ns,
                           std::move(publications[i].payload)});
  return call;
}

std::function<bool(const Session&)> chosen_by(const FleetCall& call) {
  if (call.kind == FleetCall::Kind::close_client)
    return [id = call.whom](const Session& session) { return session.client_id() == id; };
  return [user = call.whom](const Session& session) {
    return session.identity() && session.identity()->user == user;
  };
}

}  // namespace

void Calls::carry_out(FleetCall call, std::function<void(FleetAnswer)> done) {
  parts_.clerk->post([this, call = std::move(call), done = std::move(done)]() mutable {
    carry_out_here(std::move(call), std::move(done));
  });
}

void Calls::carry_out_here(FleetCall call, std::function<void(FleetAnswer)> done) {
  const auto reached = [done](std::size_t connections) { done({connections, {}}); };
  if (call.kind == FleetCall::Kind::totals) return done({0, totals()});
  if (call.kind != FleetCall::Kind::publish) return close_here(chosen_by(call), reached);
  std::vector<Publication> publications;
  for (FleetEvent& event : call.events)
    publications.push_back({std::move(event.topic), std::move(event.payload), event.sent_ns,
                            std::move(event.source), event.seq, false});
  parts_.exchange->publish(
      publications, [reached](const Published& published) { reached(published.recipients); });
}

// --- sending -------------------------------------------------------------------------------------

// Publications of one call. Nothing arrives while some are published, so of many a few go at a time, and the
// first lane has had its turn before the next: a lane that waits for the exchange is not passed over.
struct Calls::Sending {
  std::vector<Publication> left;    // the last one goes first
  std::shared_ptr<std::string> id;  // of the first one; null where it is not wanted
  std::shared_ptr<Reach> reach;

  std::vector<Publication> take_some() {
    std::vector<Publication> some;
    std::size_t bytes = 0;
    do {
      bytes += left.back().payload.size();
      some.push_back(std::move(left.back()));
      left.pop_back();
    } while (!left.empty() && some.size() < published_at_once &&
             bytes + left.back().payload.size() <= published_bytes_at_once);
    return some;
  }
};

void Calls::send(const ApiRequest& request, std::vector<Publication> publications, bool with_id,
                 HttpReply reply) {
  std::reverse(publications.begin(), publications.end());
  const auto id = with_id ? std::make_shared<std::string>() : nullptr;
  const auto reach = std::make_shared<Reach>(
      parts_.fleet != nullptr,
      [audit = request.audit, reply = std::move(reply), id](const Reach& sum) {
        audit->reached(sum.connections());
        JsonObject answer;
        answer.boolean("success", true).number("recipients", sum.connections());
        if (id) answer.text("id", *id);
        sum.tell_bridges(answer);
        reply(ok(answer.done()));
      });
  send_some(std::make_shared<Sending>(Sending{std::move(publications), id, reach}));
}

void Calls::send_some(const std::shared_ptr<Sending>& sending) {
  std::vector<Publication> some = sending->take_some();
  const auto reach = sending->reach;
  if (parts_.fleet != nullptr) {
    reach->expect();
    for (Publication& each : some) {
      each.for_fleet = true;
      each.sent_ns = unix_now_ns();
    }
  }
  const std::vector<Position> positions =
      parts_.exchange->publish(some, [this, sending, reach](const Published& published) {
        if (sending->id && sending->id->empty()) *sending->id = published.ids.at(0);
        reach->add(published.recipients);
        if (sending->left.empty()) return reach->end();
        (*parts_.lanes)[0].run([this, sending](Lane&) {
          parts_.clerk->post([this, sending] { send_some(sending); });
        });
      });
  if (parts_.fleet == nullptr) return;
  parts_.fleet->call(call_of(std::move(some), positions),
                     [reach](const std::vector<FleetAnswer>& others) { reach->end(others); });
}

void Calls::broadcast(const ApiRequest& request, HttpReply reply) {
  const Body body(request.http.body, {"message", "topic"});
  if (!body.is_object("message"))
    throw ApiRefusal{400, "invalid_message", "\"message\" is required and must be an object"};
  const std::string topic = body.optional_string("topic").value_or(std::string(topic_all));
  request.audit->about("topic", topic);
  require_topic(topic);
  send(request, {{topic, body.raw("message")}}, true, std::move(reply));
}

void Calls::publish(const ApiRequest& request, HttpReply reply) {
  const Body body(request.http.body, {"topic", "message"});
  const std::string topic = body.string("topic");
  request.audit->about("topic", topic);
  require_topic(topic);
  send(request, {{topic, body.raw("message")}}, true, std::move(reply));
}

void Calls::notify(const ApiRequest& request, HttpReply reply) {
  const Body body(request.http.body, {"title", "content", "level", "target_users"});
  const std::string title = body.string("title");
  if (title.empty()) throw ApiRefusal{400, "invalid_message", "\"title\" must not be empty"};
  const std::string level = body.optional_string("level").value_or("info");
  if (level != "info" && level != "success" && level != "warning" && level != "error")
    throw ApiRefusal{400, "invalid_message", "\"level\" must be info, success, warning or error"};
  const std::string data = JsonObject()
                               .text("title", title)
                               .text("content", body.optional_string("content").value_or(""))
                               .text("level", level)
                               .done();
  const std::string payload = JsonObject()
                                  .text("type", "notification")
                                  .json("data", data)
                                  .text("timestamp", rfc3339(std::chrono::system_clock::now()))
                                  .done();

  const auto targets = body.optional_strings("target_users", target_users_max);
  if (!targets) {
    request.audit->about("topic", "notifications");
    return send(request, {{"notifications", payload}}, false, std::move(reply));
  }
  if (targets->size() > target_users_max)
    throw ApiRefusal{400, "limit_exceeded", "\"target_users\" may name 10,000 users"};
  request.audit->about("users", *targets);
  if (targets->size() * payload.size() > notify_bytes_max)
    throw ApiRefusal{413, "limit_exceeded", "the notification times its users is over 16 MiB"};
  std::vector<Publication> publications;
  std::unordered_set<std::string_view, KeyedHash> seen;
  for (const std::string& user : *targets) {
    if (!is_user(user))
      throw ApiRefusal{400, "invalid_message",
                       "a user is 1 to 200 bytes without control characters or '*'"};
    if (seen.insert(user).second)
      publications.push_back({std::string(topic_user_prefix) + user, payload});
  }
  if (!publications.empty()) return send(request, std::move(publications), false, std::move(reply));
  request.audit->reached(0);
  JsonObject answer;
  answer.boolean("success", true).number("recipients", 0);
  Reach(parts_.fleet != nullptr, {}).tell_bridges(answer);
  reply(ok(answer.done()));
}

// --- looking -------------------------------------------------------------------------------------

std::string Calls::totals() const {
  const auto sum = [&](auto pick) {
    std::uint64_t total = 0;
    for (const auto& lane : parts_.metrics->lanes()) total += pick(*lane).value();
    return total;
  };
  using Counters = LaneMetrics;
  std::uint64_t dropped = 0;
  for (const auto& lane : parts_.metrics->lanes()) {
    for (const Counter& counter : lane->dropped) dropped += counter.value();
  }
  const Rates::Values rates = rates_.values();
  const std::string rates_json =
      JsonObject()
          .number("events_per_second", static_cast<std::uint64_t>(rates.events_per_second + 0.5))
          .number("deliveries_per_second",
                  static_cast<std::uint64_t>(rates.deliveries_per_second + 0.5))
          .done();
  const std::string memory =
      JsonObject()
          .number("resident_bytes", resident_bytes())
          .number("queue_bytes",
                  sum([](const Counters& l) -> const Counter& { return l.queue_bytes; }))
          .number("history_bytes", parts_.metrics->ingest.history_bytes.value())
          .done();
  return JsonObject()
      .number("connections", parts_.lanes->admission().connections())
      .number("users", parts_.lanes->admission().users())
      .number("subscriptions",
              sum([](const Counters& l) -> const Counter& { return l.subscriptions; }))
      .number("topics", parts_.metrics->topics())
      .number("events_received", parts_.metrics->ingest.received())
      .number("deliveries", sum([](const Counters& l) -> const Counter& { return l.deliveries; }))
      .number("delivered_bytes",
              sum([](const Counters& l) -> const Counter& { return l.delivered_bytes; }))
      .number("dropped", dropped)
      .number("replaced", sum([](const Counters& l) -> const Counter& { return l.replaced; }))
      .json("rates", rates_json)
      .json("memory", memory)
      .done();
}

void Calls::totals_with_topics(std::function<void(std::string)> done) {
  parts_.lanes->gather_in_slices<std::vector<std::string>>(
      [busiest = Busiest(busiest_topics)](Lane& lane, std::vector<std::string>& names) mutable {
        Slice slice;
        return busiest.some(lane.router(), slice, names);
      },
      [this, done = std::move(done)](std::vector<std::vector<std::string>> lanes) {
        lanes.push_back(parts_.exchange->look().history().busiest(busiest_topics));
        topics_.loads(names_together(std::move(lanes)), [this, done](std::vector<TopicLoad> all) {
          std::string text = totals();
          text.pop_back();
          done(text + ",\"busiest_topics\":" + busiest_json(std::move(all)) + '}');
        });
      });
}

namespace {

// Of each client that has signed in, who it is.
using Users = std::vector<IdentityPtr>;

class WhoIsHere {
 public:
  bool operator()(Lane& lane, Users& users) {
    Slice slice;
    return walk_.some(lane.sessions(), slice, [&users](const Session& session) {
      if (session.identity() && !session.identity()->user.empty())
        users.push_back(session.identity());
    });
  }

 private:
  SessionWalk walk_;
};

std::string top_users_json(const std::vector<Users>& lanes) {
  std::map<std::string_view, std::size_t> sums;
  for (const Users& users : lanes)
    for (const IdentityPtr& who : users) ++sums[who->user];
  std::vector<std::pair<std::string_view, std::size_t>> most(sums.begin(), sums.end());
  std::sort(most.begin(), most.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
  if (most.size() > listed_users) most.resize(listed_users);
  std::vector<std::string> rows;
  for (const auto& [user, count] : most)
    rows.push_back(JsonObject().text("user", user).number("connections", count).done());
  return json_list(rows);
}

}  // namespace

void Calls::stats(const ApiRequest& request, HttpReply reply) {
  const std::string scope = query_value(request.http.query, "scope");
  if (scope == "fleet") return fleet_stats(std::move(reply));
  if (!scope.empty() && scope != "bridge")
    throw ApiRefusal{400, "invalid_message", "scope must be bridge or fleet"};
  parts_.lanes->gather_in_slices<Users>(
      WhoIsHere(), [this, reply = std::move(reply)](std::vector<Users> lanes) {
        parts_.clerk->post([this, lanes = std::move(lanes), reply] {
          totals_with_topics([reply, users = top_users_json(lanes)](std::string all) {
            all.pop_back();
            reply(ok(all + ",\"top_users\":" + users + '}'));
          });
        });
      });
}

void Calls::fleet_stats(HttpReply reply) {
  const auto tell = [this, reply = std::move(reply)](const std::vector<FleetAnswer>& others) {
    reply(ok(fleet_totals(totals(), others)));
  };
  if (parts_.fleet == nullptr) return tell({});
  parts_.fleet->call({FleetCall::Kind::totals, {}, {}}, tell);
}

// --- what was ------------------------------------------------------------------------------------

void Calls::sample() {
  rates_.sample();
  const Sample sample =
      sample_source_.next(std::chrono::system_clock::now(), parts_.lanes->admission().connections(),
                          parts_.lanes->admission().users());
  samples_.add(sample);
  tell(sample);
}

// On @stats, if somebody listens. It is made by the clerk, for the lane that is asked last has clients to serve.
void Calls::tell(const Sample& sample) {
  if (sample.connections == 0) return;
  parts_.lanes->gather<std::size_t>(
      [](Lane& lane) { return lane.router().load(std::string(topic_stats)).subscribers; },
      [this, sample](const std::vector<std::size_t>& lanes) {
        if (std::all_of(lanes.begin(), lanes.end(), [](std::size_t count) { return count == 0; }))
          return;
        if (!is_told_.exchange(false)) return;  // the clerk has not come to it: none wait in a row
        try {
          parts_.clerk->post([this, sample] {
            is_told_ = true;
            parts_.exchange->publish({{std::string(topic_stats), stats_event(sample)}},
                                     [](const Published&) {});
          });
        } catch (...) {
          is_told_ = true;  // or none would ever be told again
          throw;
        }
      });
}

// All that a console shows at all times, so that none has to ask again and again.
std::string Calls::stats_event(const Sample& sample) {
  const std::string data =
      JsonObject()
          .json("sample", sample_json(sample))
          .json("totals", totals())
          .json("ready", readiness_json(parts_.ready_check->now()))
          .json("lines", log_counts_json())
          .json("bridges", bridge_.news())
          .text("metrics", prometheus_samples(*parts_.metrics, parts_.fleet != nullptr))
          .done();
  return JsonObject().text("type", "sample").json("data", data).done();
}

void Calls::samples(const ApiRequest& request, HttpReply reply) {
  const std::size_t minutes = query_number(request, "minutes", 15, Samples::seconds_max / 60);
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const auto since = static_cast<std::uint32_t>(now.count() - static_cast<long>(minutes * 60));
  reply(ok(JsonObject()
               .number("every_seconds", 1)
               .json("samples", samples_json(samples_.after(since)))
               .done()));
}

// Whoever watches them would else see his own calls only.
void Calls::newest_lines(const ApiRequest& request, HttpReply reply) {
  request.audit->skip_if_done();
  const std::size_t limit = query_number(request, "limit", 50, log::LogMemory::lines_max);
  reply(ok(log_lines_json(limit)));
}

namespace {

// The page's events as JSON, and the page shortened to those: what is raw may be many times as long there.
std::vector<std::string> newest_items(HistoryPage& page, std::size_t bytes_max) {
  std::vector<std::string> items;
  std::size_t bytes = 0;
  auto place = page.places.rbegin();
  for (auto event = page.events.rbegin(); event != page.events.rend(); ++event, ++place) {
    std::string item = event_json(**event);
    bytes += item.size();
    if (bytes > bytes_max && !items.empty()) {
      page.more = true;
      break;
    }
    page.begin = *place;
    items.push_back(std::move(item));
  }
  std::reverse(items.begin(), items.end());
  return items;
}

}  // namespace

void Calls::history(const ApiRequest& request, HttpReply reply) {
  request.audit->about("topic", request.argument);
  const auto pattern = Pattern::parse(request.argument);
  if (!pattern || !pattern->is_literal())
    throw ApiRefusal{400, "invalid_topic", "the path names no topic"};
  const std::size_t limit = page_limit(request);
  const std::uint64_t before = history_cursor(request);
  HistoryPage page;
  std::vector<Position> positions;
  {
    const Exchange::Look look = parts_.exchange->look();
    page = look.history().page(pattern->text(), before, limit, page_bytes_max);
    positions = look.history().positions(pattern->text());
  }
  const std::vector<std::string> items = newest_items(page, page_bytes_max);
  reply(ok(JsonObject()
               .text("topic", pattern->text())
               .json("events", json_list(items))
               .json("positions", positions_json(positions))
               .json("cursor", page.more ? cursor_json(std::to_string(page.begin)) : "null")
               .done()));
}

// --- throwing out --------------------------------------------------------------------------------

void Calls::close_here(std::function<bool(const Session&)> chosen,
                       std::function<void(std::size_t)> done) {
  parts_.lanes->gather_in_slices<std::size_t>(
      [chosen = std::move(chosen), walk = SessionWalk()](Lane& lane, std::size_t& closed) mutable {
        Slice slice;
        return walk.some(lane.sessions(), slice, [&](Session& session) {
          if (!chosen(session)) return;
          session.close(CloseCode::kicked);
          ++closed;
        });
      },
      [done = std::move(done)](const std::vector<std::size_t>& lanes) {
        done(std::accumulate(lanes.begin(), lanes.end(), std::size_t{0}));
      });
}

void Calls::close_everywhere(const ApiRequest& request, FleetCall call, bool must_exist,
                             HttpReply reply) {
  const auto reach = std::make_shared<Reach>(
      parts_.fleet != nullptr,
      [audit = request.audit, must_exist, reply = std::move(reply)](const Reach& sum) {
        audit->reached(sum.connections());
        if (sum.connections() == 0 && must_exist)
          return reply(HttpResponse::error(404, "invalid_message", "there is no such connection"));
        JsonObject answer;
        answer.boolean("success", true).number("closed", sum.connections());
        sum.tell_bridges(answer);
        reply(ok(answer.done()));
      });
  // Nobody has a name that is none.
  const bool possible =
      call.kind == FleetCall::Kind::close_client ? is_source(call.whom) : is_user(call.whom);
  const bool ask = parts_.fleet != nullptr && possible;
  if (ask) reach->expect();
  close_here(chosen_by(call), [reach](std::size_t closed) {
    reach->add(closed);
    reach->end();
  });
  if (!ask) return;
  parts_.fleet->call(std::move(call),
                     [reach](const std::vector<FleetAnswer>& others) { reach->end(others); });
}

void Calls::disconnect(const ApiRequest& request, HttpReply reply) {
  request.audit->about("client", request.argument);
  close_everywhere(request, {FleetCall::Kind::close_client, {}, request.argument}, true,
                   std::move(reply));
}

void Calls::disconnect_user(const ApiRequest& request, HttpReply reply) {
  request.audit->about("user", request.argument);
  close_everywhere(request, {FleetCall::Kind::close_user, {}, request.argument}, false,
                   std::move(reply));
}

}  // namespace zws
