// Lane, a worker: one event-loop thread with its own listening socket, clients and router.
//
// It is given the events that its clients listen to, and knows of no other lane. What the rest of the
// program wants of a lane it posts to it.
//
// Thread: post() and run() from any; everything else on the lane's own, or before start().
// Lifetime: start() once; stop() ends the thread and drops what is left.
#pragma once

#include <array>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "auth/admin_token.hpp"
#include "auth/verifier.hpp"
#include "client/close_code.hpp"
#include "client/requests.hpp"
#include "client/wheel.hpp"
#include "config/config.hpp"
#include "config/route_table.hpp"
#include "core/http.hpp"
#include "core/log.hpp"
#include "exchange/batch.hpp"
#include "exchange/exchange.hpp"
#include "lane/delivery.hpp"
#include "lane/feed_watch.hpp"
#include "lane/inbox.hpp"
#include "lane/roll.hpp"
#include "metrics/metrics.hpp"
#include "port/acceptor.hpp"
#include "port/listeners.hpp"
#include "port/server.hpp"
#include "routing/router.hpp"

namespace zws {

class Lane final : public BatchSink {
 public:
  struct Shared {
    Verifier* verifier = nullptr;
    Exchange* exchange = nullptr;
    const AdminToken* admin_token = nullptr;
    Admission* admission = nullptr;
    HttpPlaces* places = nullptr;
    std::size_t index = 0;  // among the lanes
  };

  Lane(const Shared& shared, ConfigPtr config, LaneMetrics& metrics,
       const Clock& clock = Clock::real());
  ~Lane() override;

  // The lane owns the descriptors of `listeners` from here on.
  // `each_second` may be empty.
  // `tls` may be null.
  void start(const std::vector<Listener>& listeners, TlsPtr tls, HttpHandler* http,
             std::function<void()> each_second);

  void post(BatchPtr batch) noexcept override;

  // From start() on the lane drains `feed` itself. Before start().
  void feed_from(Feed& feed);
  // Drains it no more.
  void stop_feeding();

  // Calls `look` ten times a second on the lane. Before start().
  void look_often(std::function<void()> look) { each_tick_ = std::move(look); }

  // Calls `work(*this)` on the lane.
  template <typename Work>
  void run(Work work) {
    asio::post(loop_, [this, work = std::move(work)]() mutable { guarded([&] { work(*this); }); });
  }

  // Whoever wants to upgrade from now on is answered 503; probes are still answered. Each client is told
  // to come back at a moment of its own within `time`, sooner where they are few, and closed with 1012 then.
  void send_all_away(Duration time);
  // Ends the thread. Thread: any but the lane's.
  void stop();

  void reload(ConfigPtr config, TlsPtr tls);
  // All sessions that are here now are to be reviewed.
  void begin_review();
  // Reviews clients that came before that, for about a millisecond. False: none is left.
  bool review_some();

  const std::vector<Session*>& sessions() const noexcept { return roll_.all(); }
  Session* find(std::uint64_t ticket) noexcept;
  Router& router() noexcept { return router_; }
  const RouteTable& routes() const noexcept { return *routes_; }
  LaneMetrics& metrics() noexcept { return metrics_; }
  Requests& requests() noexcept { return *requests_; }
  std::size_t waiting_bytes() const { return inbox_.bytes(); }

 private:
  template <typename Work>
  void guarded(Work&& work) noexcept {
    try {
      work();
    } catch (const std::exception& error) {
      log::error("work on a lane failed: {}", error.what());
    }
  }

  // Visits clients that were here when `left` was their number, for about a millisecond; `left` is how many
  // are still to be. From the end down: who leaves meanwhile has the last one move into its place, and
  // who comes is behind. So nobody is missed, and some are visited twice.
  template <typename Work>
  void visit_some(std::size_t& left, Work&& work);

  void loop() noexcept;
  void tick();
  void send_some_away();
  Duration time_to_leave() const;
  bool take_turn();
  void close_all_as_lagging();
  void note_overload();
  void between_sockets();
  void go_on();
  void go_on_soon();
  void note_sizes() noexcept;
  void on_upgraded(Session& session, Upgrade upgrade);
  void on_gone(Session& session) noexcept;
  void log_end(const Session& session) noexcept;

  const Shared shared_;
  ConfigPtr config_;
  LaneMetrics& metrics_;
  const Clock& clock_;
  std::unique_ptr<const RouteTable> routes_;
  Wheel wheel_;
  Router router_;
  Inbox inbox_;
  Delivery delivery_{inbox_, router_, [this] { close_all_as_lagging(); }};
  Roll roll_;
  std::size_t to_review_ = 0;     // of its sessions, the first so many
  std::size_t to_send_away_ = 0;  // likewise
  SteadyTime away_until_{};       // while draining
  log::Quiet untold_log_;
  std::uint64_t overload_dropped_ = 0;  // events, as far as the log has told
  bool draining_ = false;
  unsigned sockets_ = 0;  // read or written so far
  SteadyTime turn_ended_{};
  SteadyTime::duration turn_took_{};
  unsigned ticks_ = 0;
  std::function<void()> each_second_;
  std::function<void()> each_tick_;
  std::array<log::Quiet, close_rows.size() + 1> end_logs_;  // for each of our codes; all others
  asio::io_context loop_{1};
  std::unique_ptr<Requests> requests_;
  std::unique_ptr<Server> server_;
  HandshakeLine handshakes_;  // what waits in it goes before the server does
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::unique_ptr<FeedWatch> feed_;  // null: somebody posts
  bool due_ = false;                 // go_on() will be called
  asio::steady_timer ticker_{loop_};
  asio::executor_work_guard<asio::io_context::executor_type> work_{loop_.get_executor()};
  std::thread thread_;
};

}  // namespace zws
