#include "client/requests.hpp"

#include <algorithm>
#include <asio/post.hpp>
#include <set>
#include <utility>

#include "auth/grants.hpp"
#include "client/long_request.hpp"
#include "core/json_text.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::chrono::minutes error_window{1};
constexpr std::chrono::seconds too_fast_time{5};
constexpr std::chrono::seconds too_fast_pause{1};
constexpr std::size_t topics_per_message = 64;  // so many named or told cost as much as one message
// The id of a message that comes too fast is looked for where that has at most so many bytes, and in so many
// longer ones a second.
constexpr std::size_t short_message = 1024;
constexpr double id_looks_per_second = 4;
constexpr std::size_t looks_per_message = 100;  // ... and so many looked at in the history

// So many answers, and events with them, may wait for their places on a lane before the next slice looks:
// an event that comes waits behind these, however many clients ask at once.
constexpr std::size_t looked_at_max = 64;
constexpr std::size_t sources_per_event = 8;  // so many in an answer take as long as an event

// What one place will cost, until it is reached or given up.
class PlaceCost {
 public:
  explicit PlaceCost(std::shared_ptr<std::size_t> total) : total_(std::move(total)) {}
  ~PlaceCost() { end(); }
  PlaceCost(const PlaceCost&) = delete;
  PlaceCost& operator=(const PlaceCost&) = delete;

  void add(std::size_t cost) noexcept {
    cost_ += cost;
    *total_ += cost;
  }
  void end() noexcept { *total_ -= std::exchange(cost_, 0); }

 private:
  const std::shared_ptr<std::size_t> total_;
  std::size_t cost_ = 0;
};

void forget_given_up(Usage::Replaced& replaced, const std::vector<Pattern>& subscriptions) {
  std::set<std::string_view> held;
  for (const Pattern& pattern : subscriptions) held.insert(pattern.text());
  for (auto entry = replaced.begin(); entry != replaced.end();)
    entry = held.count(entry->first) == 0 ? replaced.erase(entry) : std::next(entry);
}

}  // namespace

Requests::Requests(Router& router, Exchange& exchange, BatchSink& lane, SignIn::Parts sign_in,
                   const RouteTable& routes)
    : subscriptions_(router, exchange, lane, sign_in.find),
      slices_(router, exchange, lane, routes, subscriptions_),
      sign_in_(sign_in, {[this](Session& session) { subscriptions_.join_own(session); },
                         [this](Session& session) { review(session); },
                         [this](Session& session, const std::vector<std::string>& waited) {
                           hear_again(session, waited);
                         },
                         [this](Session& session) { count_error(session); }}),
      router_(router),
      exchange_(exchange),
      lane_(std::move(sign_in)) {
  router_.give_back_later([this] { give_back_soon(); });
}

void Requests::on_upgraded(Session& session, const std::string& token, bool full_for_address) {
  if (full_for_address) {
    session.send_error(ErrorCode::limit_exceeded, "too many connections from this address");
    return session.close(CloseCode::try_later);
  }
  sign_in_.upgrade(session, token);
}

void Requests::on_message(Session& session, std::string_view message, bool binary) {
  if (binary) return session.close(CloseCode::unsupported_data);
  if (session.usage.pending) {
    // It came in one piece with what is being found out; nothing more is read.
    session.usage.pending->keep(message);
    if (session.usage.pending->bytes > session.config().limits.message_bytes)
      session.close(CloseCode::too_fast);
    return;
  }
  if (session.usage.long_request) {
    // It came in one piece with a request that is still being answered; nothing more is read.
    session.usage.long_request->messages.emplace_back(message);
    return;
  }
  const SteadyTime now = session.rules().clock->steady();
  if (!within_rate(session, now)) return refuse_for_rate(session, message);
  ParsedRequest parsed = parse_request(message);
  if (parsed.request) {
    const auto rate = static_cast<double>(session.config().limits.messages_per_second);
    const std::size_t more = topics_of(session, *parsed.request) / topics_per_message;
    session.usage.bucket.charge(static_cast<double>(more), 2 * rate);
    answer(session, std::move(*parsed.request));
  } else {
    refuse(session, parsed.refusal);
  }
}

// A bucket of twice the rate, out of which long requests take more; who goes on too fast for five
// seconds is closed.
bool Requests::within_rate(Session& session, SteadyTime now) noexcept {
  Usage& usage = session.usage;
  const auto rate = static_cast<double>(session.config().limits.messages_per_second);
  if (usage.bucket.take(now, rate, 2 * rate)) return true;
  if (usage.limited_since == SteadyTime{} || now - usage.limited_last > too_fast_pause)
    usage.limited_since = now;
  usage.limited_last = now;
  if (now - usage.limited_since >= too_fast_time) session.close(CloseCode::too_fast);
  return false;
}

// What is too much should cost little: of many long messages not even the id is looked for. Of a few it is, for
// who subscribes to hundreds of names waits for the answer.
void Requests::refuse_for_rate(Session& session, std::string_view message) {
  if (session.state() != Session::State::open) return;
  std::string id;
  if (message.size() <= short_message ||
      session.usage.id_looks.take(session.rules().clock->steady(), id_looks_per_second,
                                  2 * id_looks_per_second))
    id = parse_request(message).refusal.id;
  session.send_error(ErrorCode::rate_limited, "too many messages", id);
}

// How many topics it is about: a new token's rights are compared with what is subscribed to, and statistics
// list that.
std::size_t Requests::topics_of(const Session& session, const Request& request) noexcept {
  const bool about_all =
      request.type == RequestType::get_stats || request.type == RequestType::auth;
  return about_all ? session.usage.subscriptions : request.topics.size();
}

void Requests::refuse(Session& session, const Refusal& refusal) {
  session.send_error(refusal.code, refusal.message, refusal.id);
  count_error(session);
}

// A request counts once, whatever number of topics it names.
void Requests::count_error(Session& session) {
  Usage& usage = session.usage;
  const SteadyTime now = session.rules().clock->steady();
  if (usage.errors == 0 || now - usage.errors_since >= error_window) {
    usage.errors_since = now;
    usage.errors = 0;
  }
  ++usage.errors;
  if (usage.errors > session.config().limits.errors_per_minute)
    session.close(CloseCode::too_many_errors);
}

void Requests::answer(Session& session, Request&& request) {
  switch (request.type) {
    case RequestType::subscribe:
    case RequestType::unsubscribe:
    case RequestType::fetch:
      session.usage.long_request = std::make_shared<LongRequest>(
          session, std::move(request), session.config().limits.request_looks);
      return queued_.empty() && !looks_enough() ? go_on(session) : queue(session);
    case RequestType::auth: return sign_in_.authenticate(session, request.token, request.id);
    case RequestType::get_stats: return answer_stats(session, request.id);
    case RequestType::ping:
      return session.send_text(JsonObject()
                                   .text("type", "pong")
                                   .text("timestamp", rfc3339(session.rules().clock->wall()))
                                   .json("id", request.id)
                                   .done());
  }
}

// --- requests that are answered in slices --------------------------------------------------------

// One slice. The session may leave in it, and the request is gone then.
void Requests::go_on(Session& session) {
  const std::shared_ptr<LongRequest> request = session.usage.long_request;
  if (request->request.type == RequestType::unsubscribe) {
    slices_.unsubscribe(session, *request);
    return note_slice(session, *request);
  }
  const std::size_t looks_before = request->looks_left;
  const auto cost = std::make_shared<PlaceCost>(looked_at_);
  const Outlook looked = slices_.look(session, *request, sign_in_.open_mode(),
                                      [this, cost, asked = std::weak_ptr<LongRequest>(request)] {
                                        cost->end();
                                        on_place(asked);
                                      });
  charge(session, looks_before - request->looks_left);
  if (looked == Outlook::past) return ask_for_past(request);
  if (looked == Outlook::not_yet) return queue(session);
  if (looked == Outlook::behind) return look_again_soon(*request);
  for (const Answer& each : request->slice)
    cost->add(1 + each.events.size() + each.sources.size() / sources_per_event);
}

// What the archive knows comes into the history, and then it is looked at again. Meanwhile others are answered.
void Requests::ask_for_past(const std::shared_ptr<LongRequest>& request) {
  const std::vector<std::string> topics = std::exchange(request->past, {});
  exchange_.archive()->read(topics, [this, asked = std::weak_ptr<LongRequest>(request)] {
    asio::post(*lane_.loop, [this, asked]() noexcept {
      const std::shared_ptr<LongRequest> waiting = asked.lock();
      if (waiting) queue_again(waiting->session);
    });
  });
}

void Requests::look_again_soon(LongRequest& request) {
  const SessionRules& rules = request.session.rules();
  request.again.look = [this, &session = request.session] { queue_again(session); };
  rules.wheel->arm(request.again, rules.clock->steady());  // at the next tick
}

void Requests::queue_again(Session& session) noexcept try {
  queue(session);
} catch (const std::exception& error) {
  log::error("a request could not be answered further: {}", error.what());
  session.abort();
}

// All that came before its look has been delivered.
void Requests::on_place(const std::weak_ptr<LongRequest>& asked) noexcept {
  const std::shared_ptr<LongRequest> request = asked.lock();
  try {
    post_slice();
    if (!request) return;  // its session has left
    slices_.answer(request->session, *request, sign_in_.open_mode());
    note_slice(request->session, *request);
  } catch (const std::exception& error) {
    log::error("a request could not be answered: {}", error.what());
    if (request) request->session.abort();
  }
}

void Requests::note_slice(Session& session, LongRequest& request) {
  if (request.refused && !std::exchange(request.counted, true)) count_error(session);
  if (session.left()) return;
  if (request.done()) return end_long_request(session);
  if (session.outbox().at_bound()) {
    request.due = false;  // on_room() goes on
  } else {
    queue(session);
  }
}

void Requests::charge(Session& session, std::size_t looks) noexcept {
  const auto rate = static_cast<double>(session.config().limits.messages_per_second);
  session.usage.bucket.charge(static_cast<double>(looks / looks_per_message), 2 * rate);
}

void Requests::end_long_request(Session& session) {
  const std::shared_ptr<LongRequest> request = std::exchange(session.usage.long_request, nullptr);
  hear_again(session, request->messages);
}

// What the client said in the meantime has its turn; unless that takes time again, more is read.
void Requests::hear_again(Session& session, const std::vector<std::string>& waited) {
  for (const std::string& message : waited) {
    if (!session.left()) on_message(session, message, false);
  }
  if (!session.left() && !session.busy()) session.go_on_reading();
}

void Requests::on_room(Session& session) noexcept try {
  if (!std::exchange(session.usage.long_request->due, true)) queue(session);
} catch (const std::exception& error) {
  log::error("a request could not be answered further: {}", error.what());
  session.abort();
}

void Requests::queue(Session& session) {
  queued_.push_back(&session);
  post_slice();
}

void Requests::post_slice() {
  if (queued_.empty() || slice_posted_ || looks_enough()) return;  // on_place() goes on
  asio::post(*lane_.loop, [this] {
    slice_posted_ = false;
    take_slice();
  });
  slice_posted_ = true;
}

// Then whoever waits for a look waits for the places of others.
bool Requests::looks_enough() const noexcept { return *looked_at_ >= looked_at_max; }

// One slice, whoever's it is: many such clients together take no more of the lane than one.
void Requests::take_slice() noexcept {
  if (queued_.empty() || looks_enough()) return;  // on_place() goes on
  Session& session = *queued_.front();
  queued_.pop_front();
  try {
    post_slice();
    go_on(session);
  } catch (const std::exception& error) {
    log::error("a request could not be answered further: {}", error.what());
    session.abort();
  }
}

// --- get_stats -----------------------------------------------------------------------------------

void Requests::on_replaced(Session& session) {
  add_replaced(session, router_.subscriptions(session.outbox()));
}

// Books what the outbox counted by topic under the subscriptions that brought it. What it has given up
// since has no count any more.
void Requests::add_replaced(Session& session, const std::vector<Pattern>& subscriptions) {
  auto& replaced = session.usage.replaced;
  const Backlog::Replaced fresh = session.outbox().take_replaced();
  const bool some_given_up = replaced && replaced->size() > subscriptions.size();
  if (fresh.empty() && !some_given_up) return;
  if (!replaced) replaced = std::make_unique<Usage::Replaced>();
  if (some_given_up) forget_given_up(*replaced, subscriptions);
  std::vector<std::uint64_t> sums(session.outbox().subscriptions());  // by place
  const Router::Own own(router_, session.outbox());
  for (const auto& [topic, count] : fresh)
    own.each_place(topic, [&sums, count = count](std::size_t place) { sums[place] += count; });
  for (std::size_t place = 0; place < sums.size(); ++place) {
    const Pattern* asked = sums[place] == 0 ? nullptr : router_.asked_at(session.outbox(), place);
    if (asked != nullptr) (*replaced)[asked->text()] += sums[place];
  }
}

const Usage::Replaced* Requests::replaced(Session& session) {
  add_replaced(session, router_.subscriptions(session.outbox()));
  return session.usage.replaced.get();
}

std::string Requests::own_stats(Session& session) {
  const std::vector<Pattern> subscriptions = router_.subscriptions(session.outbox());
  add_replaced(session, subscriptions);
  std::string list = "[";
  for (const Pattern& pattern : subscriptions) {
    std::uint64_t replaced = 0;
    if (session.usage.replaced) {
      const auto entry = session.usage.replaced->find(pattern.text());
      if (entry != session.usage.replaced->end()) replaced = entry->second;
    }
    if (list.size() > 1) list += ',';
    list += JsonObject().text("topic", pattern.text()).number("replaced", replaced).done();
  }
  list += ']';
  const IdentityPtr& identity = session.identity();
  const Outbox& outbox = session.outbox();
  return JsonObject()
      .text("client_id", session.client_id())
      .json("user", identity && !identity->user.empty() ? json_string(identity->user) : "null")
      .boolean("admin", identity && identity->admin)
      .text("connected_at", rfc3339(session.connected()))
      .json("subscriptions", list)
      .number("delivered", outbox.delivered())
      .number("dropped", outbox.dropped())
      .number("queued_bytes", outbox.queued_bytes())
      .done();
}

void Requests::answer_stats(Session& session, const std::string& id) {
  const bool signed_in = sign_in_.open_mode() || session.identity() != nullptr;
  if (!signed_in || !stats_) return tell_stats(session, id, {});
  const bool per_topic =
      session.identity() && may(session.config().auth, *session.identity(), "stats");
  session.usage.pending = std::make_unique<Pending>();
  stats_(per_topic, [this, id, ticket = session.place.ticket](std::string totals) {
    asio::post(*lane_.loop,
               [this, id, ticket, totals = std::move(totals)] { on_totals(ticket, id, totals); });
  });
}

void Requests::on_totals(std::uint64_t ticket, const std::string& id,
                         const std::string& totals) noexcept {
  Session* session = lane_.find(ticket);
  if (session == nullptr) return;
  try {
    const std::unique_ptr<Pending> pending = std::move(session->usage.pending);
    tell_stats(*session, id, totals);
    hear_again(*session, pending->messages);
  } catch (const std::exception& error) {
    log::error("a client's statistics could not be told: {}", error.what());
    session->abort();
  }
}

void Requests::tell_stats(Session& session, const std::string& id, const std::string& totals) {
  const std::string data =
      JsonObject().json("connection", own_stats(session)).json("totals", totals).done();
  session.send_text(JsonObject().text("type", "stats").json("data", data).json("id", id).done());
}

// --- time, rights, the end -----------------------------------------------------------------------

void Requests::review(Session& session) {
  sign_in_.review(session);
  // While its token is being checked nothing is its: it is judged by what holds when that has been found out.
  if (session.left() || session.state() == Session::State::opening) return;
  subscriptions_.join_own(session);
  if (session.usage.long_request) Slices::prepare_again(*session.usage.long_request);
  subscriptions_.begin_review(session);
  reviews_.erase(session.place.ticket);
  const IdentityPtr& identity = session.identity();
  Review review{session, identity,
                Grants(session.config().auth, identity.get(), sign_in_.open_mode()),
                session.outbox().subscriptions()};
  subscriptions_.review_some(session, review.grants, review.left);
  if (review.left == 0 || session.left()) return;
  reviews_.emplace(session.place.ticket, std::move(review));
  post_review();
}

void Requests::post_review() {
  if (reviews_.empty() || review_posted_) return;
  asio::post(*lane_.loop, [this] {
    review_posted_ = false;
    review_some();
  });
  review_posted_ = true;
}

// One slice, of whoever came first.
void Requests::review_some() noexcept {
  if (reviews_.empty()) return;
  Review& review = reviews_.begin()->second;
  try {
    subscriptions_.review_some(review.session, review.grants, review.left);
    if (review.left == 0) reviews_.erase(reviews_.begin());
    post_review();
  } catch (const std::exception& error) {
    log::error("a client's rights could not be compared: {}", error.what());
    review.session.abort();  // it takes its review with it
    post_review_of_others();
  }
}

void Requests::post_review_of_others() noexcept try {
  post_review();
} catch (const std::exception& error) {
  log::error("reviews stand still until the next begins: {}", error.what());
}

void Requests::give_back_soon() {
  asio::post(*lane_.loop, [this] {
    if (router_.give_back()) give_back_soon();
  });
}

void Requests::on_timer(Session& session, SteadyTime now) { sign_in_.on_timer(session, now); }

void Requests::on_loss(const Session& session, std::string_view topic) noexcept try {
  std::uint64_t suppressed = 0;
  if (!log::enabled(log::Level::warning) || !loss_log_.pass(suppressed)) return;
  const Route& route = slices_.routes().match(topic);
  log::warning("{} reads too slowly: an event on topic \"{}\" ({}) was dropped{}",
               session.log_name(), log::escaped(topic),
               route.match.empty() ? "no route" : "route \"" + log::escaped(route.match) + '"',
               log::more(suppressed));
} catch (const std::exception& error) {
  log::error("a loss could not be told: {}", error.what());
}

void Requests::on_leave(Session& session) noexcept {
  if (session.usage.long_request) {  // else it is not queued, and of ten thousand many may be
    queued_.erase(std::remove(queued_.begin(), queued_.end(), &session), queued_.end());
    slices_.give_up(*session.usage.long_request);
    session.usage.long_request.reset();
  }
  reviews_.erase(session.place.ticket);
  router_.leave(session.outbox());
  sign_in_.on_leave(session);
}

}  // namespace zws
