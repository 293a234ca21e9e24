#include "relay/redis_link.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <asio/post.hpp>
#include <cstdlib>

#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::chrono::milliseconds tick_max{250};
constexpr int oldest_version = 5;  // the first with streams
constexpr unsigned doublings_max = 10;

struct FreeReply {
  void operator()(void* reply) const noexcept { freeReplyObject(reply); }
};

std::string_view text_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view{} : std::string_view(reply.str, reply.len);
}

bool is_push(const redisReply& reply) {
  return reply.type == REDIS_REPLY_ARRAY && reply.elements == 3 &&
         reply.element[0]->type == REDIS_REPLY_STRING && text_of(*reply.element[0]) == "message";
}

std::string command_of(const RedisLink::Words& words) {
  std::string text = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words)
    text.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
  return text;
}

// "7.0.15" of the line "redis_version:7.0.15", of the name with its colon; empty where there is none.
std::string value_in(std::string_view info, std::string_view name) {
  const std::size_t at = info.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = info.substr(at + name.size(), 64);
  return std::string(rest.substr(0, rest.find_first_of("\r\n")));
}

// Of another server, and nobody may write to it.
bool is_replica(std::string_view info) {
  return info.find("\nrole:slave\r") != std::string_view::npos &&
         info.find("\nslave_read_only:1\r") != std::string_view::npos;
}

// It has become a replica while we were connected: another server is the one to write to now.
bool refuses_writes(const redisReply& reply) {
  return reply.type == REDIS_REPLY_ERROR && text_of(reply).substr(0, 8) == "READONLY";
}

}  // namespace

void RedisLink::FreeReader::operator()(redisReader* reader) const noexcept {
  redisReaderFree(reader);
}

RedisLink::RedisLink(asio::io_context& loop, RedisUrl url, Handlers handlers)
    : RedisLink(loop, std::move(url), std::move(handlers), Options()) {}

RedisLink::RedisLink(asio::io_context& loop, RedisUrl url, Handlers handlers, Options options)
    : loop_(loop),
      url_(std::move(url)),
      fault_(url_),
      handlers_(std::move(handlers)),
      options_(options),
      timer_(loop),
      random_(std::random_device()()) {}

RedisLink::~RedisLink() { stop(); }

void RedisLink::start() {
  tick();
  connect();
}

void RedisLink::stop() noexcept {
  *there_ = false;
  state_ = State::stopped;
  if (stream_) stream_->close();
  stream_.reset();
  waiting_.clear();
  timer_.cancel();
}

bool RedisLink::send(const Words& words, Done done) {
  if (state_ != State::up || waiting_bytes_ >= options_.queue_bytes) return false;
  if (words.front() == "SUBSCRIBE") subscribed_ = true;
  put(words, std::move(done));
  return true;
}

// --- coming up -----------------------------------------------------------------------------------

void RedisLink::connect() {
  state_ = State::connecting;
  heard_ = std::chrono::steady_clock::now();
  reader_.reset(redisReaderCreate());
  unread_bytes_ = 0;
  out_.clear();
  writing_ = flush_due_ = false;
  subscribed_ = false;
  given_up_ = false;
  try {
    stream_ =
        RedisStream::open(loop_, url_,
                          {[this] { sign_in(); }, [this](std::string_view bytes) { take(bytes); },
                           [this] {
                             writing_ = false;
                             flush();
                           },
                           [this](const std::string& reason) { broke(reason); }});
  } catch (const std::exception& error) {
    broke(error.what());
  }
}

void RedisLink::sign_in() {
  state_ = State::signing_in;
  if (!url_.password.empty()) {
    Words auth{"AUTH"};
    if (!url_.user.empty()) auth.push_back(url_.user);
    auth.push_back(url_.password);
    ask(auth, [](const redisReply&) {});
  }
  if (url_.db != "0") ask({"SELECT", url_.db}, [](const redisReply&) {});
  put({"INFO"}, [this](const redisReply* answer) {
    if (answer == nullptr || given_up_) return;
    const std::string_view error = text_of(*answer);
    if (answer->type == REDIS_REPLY_ERROR && error.substr(0, 6) != "NOPERM")
      return reconnect("Redis answers: " + fault_.shown(error));
    judge(*answer);
  });
}

// A step of signing in: an error ends it.
void RedisLink::ask(const Words& words, std::function<void(const redisReply&)> then) {
  put(words, [this, then = std::move(then)](const redisReply* answer) {
    if (answer == nullptr) return;
    if (answer->type == REDIS_REPLY_ERROR)
      return reconnect("Redis answers: " + fault_.shown(*answer));
    then(*answer);
  });
}

// Who may not ask what it is is let in without.
void RedisLink::judge(const redisReply& answer) {
  const std::string_view info = answer.type == REDIS_REPLY_STRING ? text_of(answer) : "";
  version_ = value_in(info, "redis_version:");
  run_id_ = value_in(info, "\nrun_id:");
  too_old_ = !version_.empty() && std::atoi(version_.c_str()) < oldest_version;
  if (too_old_)
    return reconnect("Redis is " + log::escaped(version_, 32) + ", and 5 or later is needed");
  if (is_replica(info)) return reconnect("Redis is a replica, which takes no writes");
  come_up();
}

void RedisLink::come_up() {
  state_ = State::up;
  if (!std::exchange(refused_writes_, false)) failures_ = 0;
  asked_ = std::chrono::steady_clock::now();
  handlers_.on_up();
}

// --- what goes and comes -------------------------------------------------------------------------

void RedisLink::put(const Words& words, Done done) {
  std::string text = command_of(words);
  if (waiting_.empty()) heard_ = std::chrono::steady_clock::now();
  waiting_.push_back({std::move(done), text.size()});
  waiting_bytes_ += text.size();
  out_ += text;
  if (std::exchange(flush_due_, true)) return;
  asio::post(loop_, [this, there = there_] {
    if (*there) flush();
  });
}

// All that was said in one step goes out in one piece.
void RedisLink::flush() {
  flush_due_ = false;
  if (writing_ || out_.empty() || !stream_) return;
  writing_ = true;
  stream_->write(std::exchange(out_, {}));
}

void RedisLink::take(std::string_view bytes) {
  heard_ = std::chrono::steady_clock::now();
  unread_bytes_ += bytes.size();
  const auto stream = stream_;
  redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
  while (stream_ == stream) {
    void* got = nullptr;
    if (redisReaderGetReply(reader_.get(), &got) != REDIS_OK)
      return broke(std::string("what it answers is not Redis': ") + log::escaped(reader_->errstr));
    if (got == nullptr) break;
    const std::unique_ptr<void, FreeReply> held(got);
    unread_bytes_ = reader_->len - reader_->pos;
    answer(*static_cast<redisReply*>(got));
  }
  if (stream_ == stream && unread_bytes_ > options_.answer_bytes)
    broke("an answer is longer than the bridge takes");
}

void RedisLink::answer(const redisReply& reply) {
  if (subscribed_ && is_push(reply)) return handlers_.on_push(reply);
  if (waiting_.empty()) return broke("it answers what was not asked");
  const Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= first.bytes;
  if (refuses_writes(reply)) {
    refused_writes_ = true;
    reconnect("Redis answers: " + fault_.shown(reply));
  }
  first.done(&reply);
}

void RedisLink::reconnect(const std::string& reason) {
  if (std::exchange(given_up_, true)) return;
  asio::post(loop_, [this, there = there_, stream = stream_, reason] {
    if (*there && stream && stream == stream_) broke(reason);
  });
}

void RedisLink::broke(const std::string& reason) {
  if (stream_) stream_->close();
  stream_.reset();
  state_ = State::waiting;
  retry_at_ = std::chrono::steady_clock::now() + next_pause();
  const auto there = there_;
  const std::deque<Waiting> unanswered = std::exchange(waiting_, {});
  waiting_bytes_ = 0;
  for (const Waiting& each : unanswered) {
    each.done(nullptr);
    if (!*there) return;
  }
  handlers_.on_down(reason);
}

// --- time ----------------------------------------------------------------------------------------

std::chrono::milliseconds RedisLink::next_pause() {
  const auto whole = std::min(options_.retry_max,
                              options_.retry_first * (1U << std::min(failures_, doublings_max)));
  ++failures_;
  std::uniform_int_distribution<std::int64_t> some(whole.count() / 2, whole.count());
  return std::chrono::milliseconds(some(random_));
}

void RedisLink::tick() {
  timer_.expires_after(std::min({tick_max, options_.ping / 2, options_.retry_first / 2}));
  timer_.async_wait([this, there = there_](const std::error_code& fault) {
    if (!*there || fault) return;
    tick();  // first: what is thrown must not stop the clock
    look_at_time();
  });
}

void RedisLink::look_at_time() {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (state_ == State::waiting) {
    if (now >= retry_at_) connect();
    return;
  }
  const bool due = state_ == State::connecting || !waiting_.empty();
  if (due && now - heard_ > options_.silence) return broke("it does not answer");
  if (state_ == State::up && waiting_.empty() && now - asked_ >= options_.ping) ping();
}

void RedisLink::ping() {
  asked_ = std::chrono::steady_clock::now();
  put({"PING"}, [this](const redisReply* answer) {
    if (answer == nullptr) return;
    lag_ = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 asked_);
  });
}

}  // namespace zws
