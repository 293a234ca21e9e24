#include "api/connection_calls.hpp"

#include <algorithm>
#include <optional>

#include "api/session_walk.hpp"
#include "client/client_protocol.hpp"
#include "core/json_text.hpp"

namespace zws {
namespace {

constexpr std::size_t listed_subscriptions = 1000;

const std::vector<std::string_view> orders{"client_id", "user",          "address",
                                           "connected", "subscriptions", "delivered",
                                           "dropped",   "queued",        "rate"};

std::string_view user_of(const Session& session) {
  return session.identity() ? std::string_view(session.identity()->user) : std::string_view{};
}

std::string user_json(const Session& session) {
  const std::string_view user = user_of(session);
  return user.empty() ? "null" : json_string(user);
}

std::string row_json(Session& session, SteadyTime now) {
  const Outbox& outbox = session.outbox();
  return JsonObject()
      .text("client_id", session.client_id())
      .json("user", user_json(session))
      .text("address", session.address())
      .text("connected_at", rfc3339(session.connected()))
      .number("subscriptions", session.usage.subscriptions)
      .number("delivered", outbox.delivered())
      .number("dropped", outbox.dropped())
      .number("queued_bytes", outbox.queued_bytes())
      .json("rate", rate_json(outbox.rate(now)))
      .done();
}

std::string short_json(Session& session, SteadyTime) {
  return JsonObject()
      .text("client_id", session.client_id())
      .json("user", user_json(session))
      .text("address", session.address())
      .done();
}

// By what the session has its place in `order`.
ListRow row_of(const Session& session, const std::string& order, SteadyTime now) {
  const Outbox& outbox = session.outbox();
  ListRow row;
  row.name = session.client_id();
  if (order == "user") row.text = user_of(session);
  if (order == "address") row.text = session.address();
  if (order == "connected")
    row.number = static_cast<std::uint64_t>(session.connected().time_since_epoch().count());
  if (order == "subscriptions") row.number = session.usage.subscriptions;
  if (order == "delivered") row.number = outbox.delivered();
  if (order == "dropped") row.number = outbox.dropped();
  if (order == "queued") row.number = outbox.queued_bytes();
  if (order == "rate") row.number = rate_order(outbox.rate(now));
  return row;
}

using Chosen = std::function<bool(Lane&, const Session&)>;

// What a lane has for the page.
class Scan {
 public:
  using Render = std::string (*)(Session&, SteadyTime);

  Scan(std::shared_ptr<const ListQuery> query, Chosen chosen, Render render)
      : query_(std::move(query)), chosen_(std::move(chosen)), render_(render) {}

  // True if there are more.
  bool operator()(Lane& lane, PageRows& rows) {
    Slice slice;
    return walk_.some(lane.sessions(), slice,
                      [&](Session& session) { look(lane, session, slice.began(), rows); });
  }

 private:
  void look(Lane& lane, Session& session, SteadyTime now, PageRows& rows) {
    if (!chosen_(lane, session)) return;
    ListRow row = row_of(session, query_->order(), now);
    if (!rows.wants(*query_, row)) return;
    row.json = render_(session, now);
    rows.add(*query_, std::move(row));
  }

  std::shared_ptr<const ListQuery> query_;
  Chosen chosen_;
  Render render_;
  SessionWalk walk_;
};

PageRows together(const ListQuery& query, std::vector<PageRows> lanes) {
  PageRows all;
  for (PageRows& rows : lanes) all.add(query, std::move(rows));
  return all;
}

// Who is asked for, by what the query says.
Chosen filter(const ApiRequest& request, std::shared_ptr<const ListQuery> query) {
  const std::string user = query_value(request.http.query, "user");
  const std::string address = query_value(request.http.query, "address");
  const std::string slow = query_value(request.http.query, "slow");
  if (!slow.empty() && slow != "true" && slow != "false")
    throw ApiRefusal{400, "invalid_message", "slow must be true or false"};
  return [=, query = std::move(query)](Lane&, const Session& session) {
    if (!user.empty() && user_of(session) != user) return false;
    if (!address.empty() && session.address() != address) return false;
    if (!slow.empty() && (session.outbox().queued_bytes() > 0) != (slow == "true")) return false;
    return query->finds(user_of(session)) || query->finds(session.address()) ||
           query->finds(session.client_id());
  };
}

// --- one connection ------------------------------------------------------------------------------

std::string identity_json(const IdentityPtr& identity) {
  if (!identity) return "null";
  std::vector<std::string> roles;
  for (const std::string& role : identity->roles) roles.push_back(json_string(role));
  return JsonObject()
      .json("user", identity->user.empty() ? "null" : json_string(identity->user))
      .boolean("admin", identity->admin)
      .json("roles", json_list(roles))
      .json("expires", identity->expires.empty() ? "null" : json_string(identity->expires))
      .done();
}

std::uint64_t replaced_of(const Usage::Replaced* replaced, const std::string& topic) {
  if (replaced == nullptr) return 0;
  const auto found = replaced->find(topic);
  return found == replaced->end() ? 0 : found->second;
}

// One connection as its lane knows it. What the exchange knows of its topics is asked, and all of it
// written, where no client waits for it.
struct Seen {
  struct Subscription {
    Pattern pattern;
    std::uint64_t replaced;
  };

  std::string connection;
  IdentityPtr identity;
  std::vector<Subscription> subscriptions;
};

Seen seen(Lane& lane, Session& session) {
  Seen all{row_json(session, std::chrono::steady_clock::now()), session.identity(), {}};
  const Usage::Replaced* replaced = lane.requests().replaced(session);
  for (Pattern& pattern : lane.router().subscriptions(session.outbox())) {
    const std::uint64_t count = replaced_of(replaced, pattern.text());
    all.subscriptions.push_back({std::move(pattern), count});
  }
  return all;
}

std::string subscriptions_json(Exchange& exchange, std::vector<Seen::Subscription> all) {
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.pattern.text() < b.pattern.text(); });
  std::vector<std::string> items;
  for (const Seen::Subscription& one : all) {
    if (items.size() == listed_subscriptions) break;
    const Pattern& pattern = one.pattern;
    std::vector<Position> positions;
    if (pattern.is_literal()) positions = exchange.look().history().positions(pattern.text());
    items.push_back(JsonObject()
                        .text("topic", pattern.text())
                        .boolean("pattern", !pattern.is_literal())
                        .number("replaced", one.replaced)
                        .json("positions", positions_json(positions))
                        .done());
  }
  return json_list(items);
}

HttpResponse detail_of(Exchange& exchange, std::vector<std::optional<Seen>> lanes) {
  const auto found =
      std::find_if(lanes.begin(), lanes.end(), [](const auto& lane) { return lane.has_value(); });
  if (found == lanes.end())
    return HttpResponse::error(404, "invalid_message", "there is no such connection");
  Seen& known = **found;
  HttpResponse response;
  response.body =
      JsonObject()
          .json("connection", known.connection)
          .json("identity", identity_json(known.identity))
          .json("subscriptions", subscriptions_json(exchange, std::move(known.subscriptions)))
          .done();
  return response;
}

}  // namespace

void ConnectionCalls::list(const ApiRequest& request, HttpReply reply) {
  const auto query = std::make_shared<const ListQuery>(request, orders);
  lanes_.gather_in_slices<PageRows>(
      Scan(query, filter(request, query), row_json),
      [query, reply = std::move(reply)](std::vector<PageRows> lanes) {
        reply(together(*query, std::move(lanes)).answer(*query, "connections"));
      });
}

void ConnectionCalls::one(const ApiRequest& request, HttpReply reply) {
  request.audit->about("client", request.argument);
  lanes_.gather_in_slices<std::optional<Seen>>(
      [id = request.argument, walk = SessionWalk()](Lane& lane,
                                                    std::optional<Seen>& found) mutable {
        Slice slice;
        const bool more = walk.some(lane.sessions(), slice, [&](Session& session) {
          if (!found && session.client_id() == id) found = seen(lane, session);
        });
        return more && !found;
      },
      [this, reply = std::move(reply)](std::vector<std::optional<Seen>> lanes) {
        clerk_.post([this, lanes = std::move(lanes), reply]() mutable {
          reply(detail_of(exchange_, std::move(lanes)));
        });
      });
}

void ConnectionCalls::receivers(const Pattern& of, std::size_t limit,
                                std::function<void(std::string)> done) {
  const auto query = std::make_shared<const ListQuery>(limit);
  const auto hears = [of](Lane& lane, const Session& session) {
    return of.is_literal() ? lane.router().receives(session.outbox(), of.text())
                           : lane.router().asked(session.outbox(), of);
  };
  lanes_.gather_in_slices<PageRows>(Scan(query, hears, short_json),
                                    [query, done = std::move(done)](std::vector<PageRows> lanes) {
                                      done(together(*query, std::move(lanes)).list(*query));
                                    });
}

}  // namespace zws
