#include "api/connection_calls.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "api/slice.hpp"
#include "client/client_protocol.hpp"
#include "core/json_text.hpp"

namespace zws {
namespace {

constexpr std::size_t listed_subscriptions = 1000;

const std::vector<std::string_view> orders{"client_id", "user",          "address",
                                           "connected", "subscriptions", "delivered",
                                           "dropped",   "queued",        "rate"};

std::string_view user_of(const Session& session) {
  return session.identity ? std::string_view(session.identity->user) : std::string_view{};
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
      .number("subscriptions", session.asked)
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
  if (order == "subscriptions") row.number = session.asked;
  if (order == "delivered") row.number = outbox.delivered();
  if (order == "dropped") row.number = outbox.dropped();
  if (order == "queued") row.number = outbox.queued_bytes();
  if (order == "rate") row.number = rate_order(outbox.rate(now));
  return row;
}

using Chosen = std::function<bool(Lane&, const Session&)>;

// Looks at all clients of a lane, from the last to the first: who leaves meanwhile has the last one move
// into its place, and who comes is behind. So nobody who stays is missed; some may be met again.
class Scan {
 public:
  using Render = std::string (*)(Session&, SteadyTime);

  Scan(std::shared_ptr<const ListQuery> query, Chosen chosen, Render render)
      : query_(std::move(query)), chosen_(std::move(chosen)), render_(render) {}

  // True if there are more.
  bool operator()(Lane& lane, PageRows& rows) {
    const auto& sessions = lane.sessions();
    Slice slice;
    if (!begun_) left_ = sessions.size();
    begun_ = true;
    left_ = std::min(left_, sessions.size());
    while (left_ > 0 && !slice.over()) look(lane, *sessions[--left_], slice.began(), rows);
    return left_ > 0;
  }

 private:
  void look(Lane& lane, Session& session, SteadyTime now, PageRows& rows) {
    if (session.left()) return;  // it is as good as gone, though its peer may take its time
    if (!seen_.insert(session.ticket).second || !chosen_(lane, session)) return;
    ListRow row = row_of(session, query_->order(), now);
    if (!rows.wants(*query_, row)) return;
    row.json = render_(session, now);
    rows.add(*query_, std::move(row));
  }

  std::shared_ptr<const ListQuery> query_;
  Chosen chosen_;
  Render render_;
  bool begun_ = false;
  std::size_t left_ = 0;
  std::unordered_set<std::uint64_t> seen_;
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

std::uint64_t replaced_of(const Session::Replaced* replaced, const std::string& topic) {
  if (replaced == nullptr) return 0;
  const auto found = replaced->find(topic);
  return found == replaced->end() ? 0 : found->second;
}

std::string subscriptions_json(Lane& lane, Exchange& exchange, Session& session) {
  std::vector<Pattern> all = lane.router().subscriptions(session.outbox());
  const Session::Replaced* replaced = lane.requests().replaced(session);
  std::sort(all.begin(), all.end(),
            [](const Pattern& a, const Pattern& b) { return a.text() < b.text(); });
  std::vector<std::string> items;
  for (const Pattern& pattern : all) {
    if (items.size() == listed_subscriptions) break;
    std::vector<Position> positions;
    if (pattern.is_literal()) positions = exchange.look().history().positions(pattern.text());
    items.push_back(JsonObject()
                        .text("topic", pattern.text())
                        .boolean("pattern", !pattern.is_literal())
                        .number("replaced", replaced_of(replaced, pattern.text()))
                        .json("positions", positions_json(positions))
                        .done());
  }
  return json_list(items);
}

std::string detail_json(Lane& lane, Exchange& exchange, Session& session) {
  return JsonObject()
      .json("connection", row_json(session, std::chrono::steady_clock::now()))
      .json("identity", identity_json(session.identity))
      .json("subscriptions", subscriptions_json(lane, exchange, session))
      .done();
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
  lanes_.gather<std::string>(
      [this, id = request.argument](Lane& lane) {
        const auto& sessions = lane.sessions();
        const auto found = std::find_if(sessions.begin(), sessions.end(), [&](Session* session) {
          return !session->left() && session->client_id() == id;
        });
        return found == sessions.end() ? std::string() : detail_json(lane, exchange_, **found);
      },
      [reply = std::move(reply)](const std::vector<std::string>& lanes) {
        HttpResponse response;
        for (const std::string& answer : lanes) response.body += answer;
        if (response.body.empty())
          return reply(HttpResponse::error(404, "invalid_message", "there is no such connection"));
        reply(std::move(response));
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
