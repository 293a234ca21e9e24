#include "lane/lane.hpp"

#include <algorithm>
#include <utility>

namespace zws {
namespace {

constexpr unsigned sockets_between = 16;  // a millisecond of handshakes, or less
constexpr std::chrono::milliseconds visit_slice{1};
constexpr Duration between_leaving{50};  // on average, and less where there is no time
constexpr unsigned ticks_per_second = 1000 / Wheel::tick.count();

// A flag that is another for a while.
class Restored {
 public:
  Restored(bool& flag, bool meanwhile) : flag_(flag), before_(std::exchange(flag, meanwhile)) {}
  ~Restored() { flag_ = before_; }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;

 private:
  bool& flag_;
  const bool before_;
};

}  // namespace

Lane::Lane(const Shared& shared, ConfigPtr config, LaneMetrics& metrics, const Clock& clock)
    : shared_(shared),
      config_(std::move(config)),
      metrics_(metrics),
      clock_(clock),
      routes_(std::make_unique<RouteTable>(*config_)),
      wheel_(clock.steady()),
      router_(shared.exchange->interest(shared.index), metrics),
      inbox_(config_->ingest.lane_bytes, metrics),
      handshakes_(loop_, clock) {
  SignIn::Parts sign_in;
  sign_in.loop = &loop_;
  sign_in.verifier = shared_.verifier;
  sign_in.admin_token = shared_.admin_token;
  sign_in.admission = shared_.admission;
  sign_in.find = [this](std::uint64_t ticket) { return find(ticket); };
  requests_ =
      std::make_unique<Requests>(router_, *shared_.exchange, *this, std::move(sign_in), *routes_);
}

Lane::~Lane() { stop(); }

void Lane::start(const std::vector<Listener>& listeners, TlsPtr tls, HttpHandler* http,
                 std::function<void()> each_second) {
  each_second_ = std::move(each_second);
  Server::Parts parts;
  parts.transport.loop = &loop_;
  parts.transport.rules = {config_, &wheel_, requests_.get(), &metrics_, &clock_};
  parts.transport.between = [this] { between_sockets(); };
  parts.transport.handshakes = &handshakes_;
  parts.access = std::make_shared<const Access>(*config_, shared_.verifier->open());
  parts.tls = std::move(tls);
  parts.admission = shared_.admission;
  parts.token_passes = [this](std::string_view token) {
    return shared_.verifier->open() || shared_.verifier->passes(token);
  };
  parts.http = http;
  parts.places = shared_.places;
  parts.on_upgraded = [this](Session& session, Upgrade upgrade) {
    on_upgraded(session, std::move(upgrade));
  };
  parts.on_gone = [this](Session& session) { on_gone(session); };
  parts.draining = [this] { return draining_; };
  server_ = std::make_unique<Server>(std::move(parts));
  for (const Listener& listener : listeners) {
    acceptors_.push_back(std::make_unique<Acceptor>(
        loop_, listener.descriptor,
        [this, local = listener.local](int descriptor, std::string address) {
          server_->take(descriptor, std::move(address), local);
        }));
    acceptors_.back()->start();
  }
  tick();
  go_on_soon();
  thread_ = std::thread([this] { loop(); });
}

// Nothing should throw out of a handler; if something does, the lane goes on with the next.
void Lane::loop() noexcept {
  metrics_.begin_on_this_thread();
  for (;;) {
    try {
      loop_.run();
      return metrics_.end();
    } catch (const std::exception& error) {
      log::error("a handler of a lane failed: {}", error.what());
    }
  }
}

void Lane::tick() {
  ticker_.expires_after(Wheel::tick);
  ticker_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    wheel_.advance(clock_.steady());
    if (each_tick_) guarded(each_tick_);
    if (++ticks_ % ticks_per_second == 0) {
      guarded([this] {
        note_overload();
        if (each_second_) each_second_();
      });
      note_sizes();
    }
    if (feed_) guarded([this] { feed_->look(); });
    go_on();  // there may have been no memory to wake the lane
    tick();
  });
}

// --- events --------------------------------------------------------------------------------------

void Lane::post(BatchPtr batch) noexcept {
  guarded([&] {
    if (!inbox_.push(std::move(batch))) return;
    if (loop_.get_executor().running_in_this_thread()) {
      go_on_soon();
    } else {
      asio::post(loop_, [this] { go_on(); });
    }
  });
}

void Lane::feed_from(Feed& feed) {
  feed_ = std::make_unique<FeedWatch>(loop_, feed, [this] { go_on(); });
}

void Lane::stop_feeding() {
  if (feed_) feed_->stop();
}

// Sockets and timers get their share before.
void Lane::go_on_soon() {
  if (due_) return;
  asio::post(loop_, [this] {
    due_ = false;
    go_on();
  });
  due_ = true;  // behind what may fail, or it would stand still from then on
}

// Ten thousand clients that come or go at once do not hold up what producers send, nor the other way
// round: sockets have had as much time as the last turn took.
void Lane::between_sockets() {
  if (++sockets_ % sockets_between != 0) return;
  if (clock_.steady() - turn_ended_ >= turn_took_) go_on();
}

void Lane::go_on() {
  guarded([this] {
    const SteadyTime began = clock_.steady();
    bool more = false;
    if (feed_) {
      const Restored was_due(due_, true);  // what comes here is taken at once, below
      more = feed_->drain();
    }
    more = take_turn() || more;
    if (more) go_on_soon();
    if (feed_ && !due_) feed_->wait();
    turn_ended_ = clock_.steady();
    turn_took_ = turn_ended_ - began;
  });
}

// True if something is left.
bool Lane::take_turn() {
  // A turn for many clients is long, and producers do not wait for its end.
  const bool more = delivery_.take_turn([this] {
    if (feed_) feed_->drain();
  });
  note_sizes();
  return more;
}

void Lane::note_overload() {
  const std::uint64_t dropped =
      metrics_.dropped[static_cast<std::size_t>(DropReason::lane_overload)].value();
  const std::uint64_t fresh = dropped - std::exchange(overload_dropped_, dropped);
  if (fresh != 0)
    log::warning(
        "{} events were dropped ahead of a lane within a second: producers send more than it can "
        "deliver (ingest.lane_bytes)",
        fresh);
}

// Some losses have no gap, so all clients are closed (4410); coming back with `since` shows what is missing.
// Nothing is sent before the close: a later event would move a position past events that never came.
void Lane::close_all_as_lagging() {
  std::uint64_t suppressed = 0;
  if (!sessions().empty() && untold_log_.pass(suppressed))
    log::warning(
        "more was lost between producers and a lane than can be told: its {} clients are closed{}",
        sessions().size(), log::more(suppressed));
  for (Session* session : sessions()) session->outbox().refuse_events();
  // Posted and not called: this may run inside a request of one of these sessions.
  run([](Lane& lane) {
    const std::vector<Session*> all = lane.sessions();
    for (Session* session : all) session->close(CloseCode::slow_consumer);
  });
}

void Lane::note_sizes() noexcept {
  metrics_.topics.set(router_.topics() - router_.reserved_topics());
  metrics_.patterns.set(router_.patterns());
}

// --- clients -------------------------------------------------------------------------------------

// Whatever fails, it ends as any other does: what is to be given back then comes first.
void Lane::on_upgraded(Session& session, Upgrade upgrade) {
  session.set_address(std::move(upgrade.address));
  session.place.address_counted = !upgrade.full_for_address;
  roll_.enter(session);
  metrics_.connections.add();
  const std::uint64_t ticket = session.place.ticket;  // it may be gone behind the next line
  requests_->on_upgraded(session, upgrade.token, upgrade.full_for_address);
  if (!draining_) return;
  if (Session* late = find(ticket)) late->send_away(time_to_leave());
}

void Lane::on_gone(Session& session) noexcept {
  if (roll_.leave(session)) metrics_.connections.sub(1);
  log_end(session);
  if (session.place.address_counted) shared_.admission->leave(address_key(session.address()));
}

// Clients come and go all day; what an operator may have to look into is why the bridge ended one.
void Lane::log_end(const Session& session) noexcept {
  const auto code = static_cast<CloseCode>(session.close_code());
  const auto row = std::find_if(close_rows.begin(), close_rows.end(),
                                [code](const CloseRow& one) { return one.code == code; });
  const bool ordinary = row == close_rows.end() || code == CloseCode::restart;
  const log::Level level = ordinary ? log::Level::debug : log::Level::info;
  const auto kind = static_cast<std::size_t>(row - close_rows.begin());
  std::uint64_t suppressed = 0;
  if (!log::enabled(level) || !end_logs_[kind].pass(suppressed)) return;
  const std::string_view reason = row == close_rows.end() ? "" : row->reason;
  guarded([&] {
    log::write(level, fmt::format("{} closed: {}{}{}{}", session.log_name(), session.close_code(),
                                  reason.empty() ? "" : " ", reason, log::more(suppressed)));
  });
}

// Null, too, for who has left: nothing may follow its close frame.
Session* Lane::find(std::uint64_t ticket) noexcept {
  Session* session = roll_.find(ticket);
  return session == nullptr || session->left() ? nullptr : session;
}

void Lane::reload(ConfigPtr config, TlsPtr tls) {
  config_ = std::move(config);
  auto routes = std::make_unique<RouteTable>(*config_);
  requests_->set_routes(*routes);
  routes_ = std::move(routes);
  inbox_.set_limit(config_->ingest.lane_bytes);
  server_->reload(config_, std::make_shared<const Access>(*config_, shared_.verifier->open()),
                  std::move(tls));
  const std::vector<Session*> all = sessions();
  for (Session* session : all) {
    if (session->left()) continue;
    session->on_reload();
  }
  begin_review();
}

void Lane::begin_review() { to_review_ = sessions().size(); }

template <typename Work>
void Lane::visit_some(std::size_t& left, Work&& work) {
  const SteadyTime until = clock_.steady() + visit_slice;
  left = std::min(left, sessions().size());
  while (left > 0) {
    Session& session = *sessions()[--left];
    if (!session.left()) work(session);
    if (clock_.steady() >= until) return;
  }
}

// Who came since was judged by what is in force now.
bool Lane::review_some() {
  visit_some(to_review_, [this](Session& session) { requests_->review(session); });
  return to_review_ > 0 || requests_->reviewing();
}

// --- the end -------------------------------------------------------------------------------------

void Lane::send_all_away(Duration time) {
  draining_ = true;
  const Duration enough = between_leaving * sessions().size();
  away_until_ = clock_.steady() + std::min(time, enough);
  to_send_away_ = sessions().size();
  send_some_away();
  while (time.count() == 0 && to_send_away_ > 0) send_some_away();  // there is no later
}

void Lane::send_some_away() {
  visit_some(to_send_away_, [this](Session& session) { session.send_away(time_to_leave()); });
  if (to_send_away_ > 0) run([](Lane& lane) { lane.send_some_away(); });
}

Duration Lane::time_to_leave() const {
  const auto left = std::chrono::floor<Duration>(away_until_ - clock_.steady());
  return std::max(left, Duration{0});
}

void Lane::stop() {
  if (!thread_.joinable()) return;
  asio::post(loop_, [this] {
    for (const auto& acceptor : acceptors_) acceptor->stop();
    ticker_.cancel();
    server_->stop();
    asio::post(loop_, [this] { loop_.stop(); });  // behind what the connections posted at their end
  });
  thread_.join();
}

}  // namespace zws
