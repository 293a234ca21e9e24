#include "api/topic_calls.hpp"

#include <algorithm>
#include <iterator>
#include <memory>

#include "api/list_query.hpp"
#include "api/slice.hpp"
#include "config/value.hpp"
#include "core/json_text.hpp"

namespace zws {
namespace {

constexpr std::size_t names_at_once = 2000;  // more would take longer than a lane may be kept
constexpr std::size_t names_a_look = 250;
constexpr std::size_t listed_receivers = 100;

const std::vector<std::string_view> orders{"topic", "subscribers", "events", "rate"};

// What a lane knows of the names, a slice at a time.
class Loads {
 public:
  explicit Loads(std::vector<std::string> names)
      : names_(std::make_shared<const std::vector<std::string>>(std::move(names))) {}

  bool operator()(Lane& lane, std::vector<TopicLoad>& loads) const {
    Slice slice;
    while (loads.size() < names_->size() && !slice.over())
      loads.push_back(lane.router().load((*names_)[loads.size()], slice.began()));
    return loads.size() < names_->size();
  }

 private:
  std::shared_ptr<const std::vector<std::string>> names_;
};

// The sums of what all lanes said of the same names, and what came of topics that no lane listens to.
std::vector<TopicLoad> sums(std::vector<std::vector<TopicLoad>> lanes, Exchange& exchange) {
  std::vector<TopicLoad> all = std::move(lanes.front());
  for (std::size_t lane = 1; lane < lanes.size(); ++lane) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].subscribers += lanes[lane][i].subscribers;
      all[i].events = std::max(all[i].events, lanes[lane][i].events);
      all[i].rate = std::max(all[i].rate, lanes[lane][i].rate);
    }
  }
  for (std::size_t first = 0; first < all.size(); first += names_a_look) {
    const Exchange::Look look = exchange.look();
    for (std::size_t i = first; i < std::min(first + names_a_look, all.size()); ++i) {
      TopicLoad& load = all[i];
      if (load.pattern) continue;
      load.events = std::max(load.events, look.history().events(load.topic));
      load.rate = std::max(load.rate, look.history().rate(load.topic));
    }
  }
  return all;
}

// Takes the name: a list looks at many more than it shows.
ListRow row_of(TopicLoad& load, const std::string& order) {
  ListRow row;
  row.name = std::move(load.topic);
  if (order == "subscribers") row.number = load.subscribers;
  if (order == "events") row.number = load.events;
  if (order == "rate") row.number = rate_order(load.rate);
  return row;
}

// One list: from the names to the rows, again and again. Lanes are asked for what only they know; the rest is done
// on the clerk's thread.
class Walk : public std::enable_shared_from_this<Walk> {
 public:
  Walk(Lanes& lanes, Exchange& exchange, Clerk& clerk, const ApiRequest& request, HttpReply reply)
      : lanes_(lanes),
        exchange_(exchange),
        clerk_(clerk),
        query_(request, orders),
        reply_(std::move(reply)),
        count_(query_.by_name() && !query_.searches() ? query_.limit() + 1 : names_at_once),
        after_(query_.name_after()) {}

  void go_on() {
    const auto self = shared_from_this();
    lanes_.gather<std::vector<std::string>>(
        [after = after_, count = count_](Lane& lane) {
          return lane.router().names_after(after, count);
        },
        [self](std::vector<std::vector<std::string>> lanes) {
          self->clerk_.post([self, lanes = std::move(lanes)]() mutable { self->take(lanes); });
        });
  }

 private:
  void take(std::vector<std::vector<std::string>>& lanes) {
    lanes.push_back(exchange_.look().history().topics_after(after_, count_));
    std::vector<std::string> names = names_together(std::move(lanes));
    if (names.size() > count_) names.resize(count_);
    more_ = names.size() == count_;
    if (more_) after_ = names.back();
    names.erase(std::remove_if(names.begin(), names.end(),
                               [this](const std::string& name) { return !query_.finds(name); }),
                names.end());
    lanes_.gather_in_slices<std::vector<TopicLoad>>(
        Loads(std::move(names)),
        [self = shared_from_this()](std::vector<std::vector<TopicLoad>> loads) {
          self->clerk_.post([self, loads = std::move(loads)]() mutable {
            self->offer_all(sums(std::move(loads), self->exchange_));
          });
        });
  }

  void offer_all(std::vector<TopicLoad> loads) {
    for (TopicLoad& load : loads) offer(load);
    const bool enough = query_.by_name() && rows_.full(query_);
    if (more_ && !enough) return go_on();
    reply_(rows_.answer(query_, "topics"));
  }

  void offer(TopicLoad& load) {
    ListRow row = row_of(load, query_.order());
    if (!rows_.wants(query_, row)) return;
    load.topic = row.name;
    row.json = load_json(load);
    rows_.add(query_, std::move(row));
  }

  Lanes& lanes_;
  Exchange& exchange_;
  Clerk& clerk_;
  const ListQuery query_;
  const HttpReply reply_;
  const std::size_t count_;
  std::string after_;
  bool more_ = false;
  PageRows rows_;
};

// --- one topic -----------------------------------------------------------------------------------

std::string_view overflow_text(Overflow overflow) {
  switch (overflow) {
    case Overflow::drop_oldest: return "drop_oldest";
    case Overflow::drop_newest: return "drop_newest";
    case Overflow::disconnect: return "disconnect";
    case Overflow::conflate: return "conflate";
  }
  return "";
}

std::string route_json(const Route& route) {
  JsonObject told;
  told.json("match", route.match.empty() ? "null" : json_string(route.match))
      .text("format", route.format == EventFormat::raw ? "raw" : "auto")
      .number("history", route.history)
      .text("ttl", config::duration_text(route.ttl))
      .number("replay", route.replay)
      .text("overflow", overflow_text(route.overflow))
      .text("key", route.key);
  if (route.expect) told.text("expect", config::duration_text(*route.expect));
  return told.done();
}

std::string time_json(SteadyTime time) {
  if (time == SteadyTime{}) return "null";
  const auto age = std::chrono::steady_clock::now() - time;
  const auto wall = std::chrono::system_clock::now() -
                    std::chrono::duration_cast<std::chrono::system_clock::duration>(age);
  return json_string(rfc3339(wall));
}

std::string kept_json(const Kept& kept) {
  return JsonObject()
      .number("events", kept.events)
      .number("bytes", kept.bytes)
      .json("oldest", time_json(kept.oldest))
      .json("newest", time_json(kept.newest))
      .done();
}

// What has no number yet is no source: it marks a moment. `known`: those that something is known of.
std::string sources_json(const std::vector<Position>& positions,
                         const std::vector<KnownSource>& known) {
  std::vector<std::string> items;
  for (const Position& position : positions) {
    if (position.seq == 0) continue;
    const auto its = std::find_if(known.begin(), known.end(), [&](const KnownSource& each) {
      return each.src == position.source;
    });
    JsonObject item;
    item.text("src", position.source).number("seq", position.seq);
    if (its != known.end())
      item.boolean("own", its->own)
          .number("missed", its->missed)
          .boolean("alive", its->state != SourceState::lost)
          .text("state", state_name(its->state))
          .json("heard_at", time_json(its->heard));
    items.push_back(item.done());
  }
  return json_list(items);
}

// The members of the answer that no lane need be asked for: `"route":...,"sources":...,"kept":...`.
std::string known_json(Lane& lane, Exchange& exchange, const Pattern& name) {
  JsonObject known;
  if (!name.is_literal())
    return known.json("route", "null").json("sources", "[]").json("kept", "null").done();
  const std::vector<Position> positions = exchange.look().history().positions(name.text());
  return known.json("route", route_json(lane.routes().match(name.text())))
      .json("sources", sources_json(positions, exchange.sources({name.text()})))
      .json("kept", kept_json(exchange.look().history().kept(name.text())))
      .done();
}

// Two objects as one.
std::string joined(std::string object, std::string_view more) {
  object.back() = ',';
  return object.append(more.substr(1));
}

}  // namespace

void TopicCalls::list(const ApiRequest& request, HttpReply reply) {
  const std::string name = query_value(request.http.query, "topic");
  if (!name.empty()) return look_at(request, name, std::move(reply));
  std::make_shared<Walk>(lanes_, exchange_, clerk_, request, std::move(reply))->go_on();
}

void TopicCalls::one(const ApiRequest& request, HttpReply reply) {
  look_at(request, request.argument, std::move(reply));
}

void TopicCalls::look_at(const ApiRequest& request, const std::string& name, HttpReply reply) {
  request.audit->about("topic", name);
  const auto pattern = Pattern::parse(name);
  if (!pattern) throw ApiRefusal{400, "invalid_topic", "that is neither a topic nor a pattern"};
  lanes_[0].run([this, pattern = *pattern, reply = std::move(reply)](Lane& lane) {
    const std::string known = known_json(lane, exchange_, pattern);
    loads({pattern.text()}, [this, pattern, known, reply](const std::vector<TopicLoad>& loads) {
      const std::string first = joined(load_json(loads.front()), known);
      connections_.receivers(pattern, listed_receivers, [first, reply](const std::string& list) {
        HttpResponse response;
        response.body = joined(first, JsonObject().json("receivers", list).done());
        reply(std::move(response));
      });
    });
  });
}

void TopicCalls::loads(std::vector<std::string> names,
                       std::function<void(std::vector<TopicLoad>)> done) {
  lanes_.gather_in_slices<std::vector<TopicLoad>>(
      Loads(std::move(names)),
      [this, done = std::move(done)](std::vector<std::vector<TopicLoad>> lanes) {
        done(sums(std::move(lanes), exchange_));
      });
}

std::string load_json(const TopicLoad& load) {
  return JsonObject()
      .text("topic", load.topic)
      .boolean("pattern", load.pattern)
      .number("subscribers", load.subscribers)
      .number("events", load.events)
      .json("rate", rate_json(load.rate))
      .done();
}

// Most are in order already, and few of them long: to merge them costs a tenth of sorting all.
std::vector<std::string> names_together(std::vector<std::vector<std::string>> lists) {
  std::vector<std::string> all;
  for (auto& names : lists) {
    if (!std::is_sorted(names.begin(), names.end())) std::sort(names.begin(), names.end());
    const auto before = static_cast<std::ptrdiff_t>(all.size());
    all.insert(all.end(), std::make_move_iterator(names.begin()),
               std::make_move_iterator(names.end()));
    if (!names.empty()) std::inplace_merge(all.begin(), all.begin() + before, all.end());
  }
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace zws
