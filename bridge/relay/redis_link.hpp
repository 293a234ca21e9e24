// RedisLink: one connection to Redis that comes back by itself: commands go out in order, without waiting
// for each other's answers (pipelined), and each is answered once.
//
// It signs in (AUTH, SELECT), looks at what it is (INFO: its version, and that it is no replica), and only then
// is up. It is down when the connection breaks, when it is told READONLY, as a server answers that has become
// a replica meanwhile, and when Redis says nothing for `silence` while an answer is due: while nothing else
// is asked it is asked for a sign of life every `ping`. Then it waits and tries again: 250 ms, twice as
// long each time, up to 5 s, each somewhat more or less.
//
// Thread: the one that runs `loop`; handlers are called there, never from inside send(). They may
// send() and stop(). Lifetime: nothing of it is called after stop(), which the destructor does.
// Bounds: `queue_bytes` of commands that are not answered yet; `answer_bytes` of one answer, beyond which
// the connection is given up.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "relay/redis_fault.hpp"
#include "relay/redis_stream.hpp"
#include "relay/redis_url.hpp"

struct redisReply;
struct redisReader;

namespace zws {

class RedisLink {
 public:
  using Words = std::vector<std::string>;
  // The answer, which may be an error, borrowed for the call; null: the connection broke before one came.
  using Done = std::function<void(const redisReply* answer)>;

  struct Handlers {
    std::function<void()> on_up;
    // After each connection that broke or could not be made, when all that was sent on it was answered
    // with null.
    std::function<void(const std::string& reason)> on_down = [](const std::string&) {};
    // A message of a channel that was subscribed to: ["message", CHANNEL, TEXT].
    std::function<void(const redisReply& message)> on_push = [](const redisReply&) {};
  };

  struct Options {
    std::chrono::milliseconds ping{1000};
    std::chrono::milliseconds silence{3000};
    std::chrono::milliseconds retry_first{250};
    std::chrono::milliseconds retry_max{5000};
    std::size_t queue_bytes = std::size_t{16} << 20;
    std::size_t answer_bytes = std::size_t{64} << 20;
  };

  RedisLink(asio::io_context& loop, RedisUrl url, Handlers handlers, Options options);
  RedisLink(asio::io_context& loop, RedisUrl url, Handlers handlers);
  ~RedisLink();
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  // Begins to connect.
  void start();
  // What was sent is never answered; no handler is called any more.
  void stop() noexcept;

  // False where it is not up or its queue is full: then nothing was sent, and `done` is not called.
  // Channels are subscribed to one by one: each SUBSCRIBE has one answer.
  bool send(const Words& words, Done done);

  // Gives the connection up and makes another: `reason` is told to on_down, later. From a handler, too.
  void reconnect(const std::string& reason);

  // What an error of this Redis says, for people.
  std::string fault_of(const redisReply& error) const { return fault_.shown(error); }

  bool up() const noexcept { return state_ == State::up; }
  // The server's, once it was up; empty where Redis does not say it.
  const std::string& version() const noexcept { return version_; }
  // The name of the server's life: another one where it has been started again, or is another server. Empty where
  // Redis does not say it.
  const std::string& run_id() const noexcept { return run_id_; }
  // Redis is too old to serve: the reason says so, and it is tried again.
  bool too_old() const noexcept { return too_old_; }
  // Of commands that are not answered yet.
  std::size_t waiting_bytes() const noexcept { return waiting_bytes_; }
  // How long the last sign of life was in coming.
  std::chrono::milliseconds lag() const noexcept { return lag_; }

 private:
  enum class State { stopped, waiting, connecting, signing_in, up };

  struct Waiting {
    Done done;
    std::size_t bytes;
  };

  struct FreeReader {
    void operator()(redisReader* reader) const noexcept;
  };

  void connect();
  void sign_in();
  void ask(const Words& words, std::function<void(const redisReply&)> then);
  void judge(const redisReply& answer);
  void come_up();
  void put(const Words& words, Done done);
  void flush();
  void take(std::string_view bytes);
  void answer(const redisReply& reply);
  void broke(const std::string& reason);
  void tick();
  void look_at_time();
  void ping();
  std::chrono::milliseconds next_pause();

  asio::io_context& loop_;
  const RedisUrl url_;
  const RedisFault fault_;
  const Handlers handlers_;
  const Options options_;
  State state_ = State::stopped;
  std::shared_ptr<RedisStream> stream_;
  std::unique_ptr<redisReader, FreeReader> reader_;
  std::size_t unread_bytes_ = 0;  // since the last whole answer
  std::string out_;               // not given to the stream yet
  bool writing_ = false;
  bool flush_due_ = false;
  bool subscribed_ = false;
  bool given_up_ = false;  // this connection, by reconnect(): it does not come up any more
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  SteadyTime heard_{};  // the last byte, or when an answer began to be due
  SteadyTime asked_{};  // the last sign of life
  SteadyTime retry_at_{};
  unsigned failures_ = 0;
  bool refused_writes_ = false;  // the last connection that was up
  std::string version_;
  std::string run_id_;
  bool too_old_ = false;
  std::chrono::milliseconds lag_{0};
  asio::steady_timer timer_;
  std::minstd_rand random_;
  // What is posted or timed asks this whether the link is still there.
  std::shared_ptr<bool> there_ = std::make_shared<bool>(true);
};

}  // namespace zws
