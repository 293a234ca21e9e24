#include "relay/relay_history.hpp"

#include <pthread.h>

#include <asio/post.hpp>

#include "core/log.hpp"
#include "exchange/own_source.hpp"
#include "exchange/past.hpp"

namespace zws {
namespace {

constexpr std::chrono::milliseconds tick_time{50};
constexpr std::size_t sent_max = std::size_t{4} << 20;  // and not answered
constexpr std::chrono::seconds start_time{1};
constexpr int end_tries = 20;  // ticks

}  // namespace

std::unique_ptr<RelayHistory> RelayHistory::make(const ConfigPtr& config, Exchange& exchange,
                                                 Metrics& metrics) {
  if (config->relay.redis.empty() || !config->relay.history) return nullptr;
  return std::make_unique<RelayHistory>(config, exchange, metrics.relay);
}

RelayHistory::RelayHistory(const ConfigPtr& config, Exchange& exchange, RelayMetrics& metrics)
    : exchange_(exchange),
      metrics_(metrics),
      own_source_(exchange.own_source()),
      began_(Clock::real().steady()),
      link_(loop_, RedisUrl::parse(config->relay.redis), handlers()),
      writer_(
          *config, own_source_,
          [this](const HistoryWriter::Words& words, HistoryWriter::Done done) {
            return link_.send(words, std::move(done));
          },
          metrics),
      reader_(*config,
              {[this](const HistoryReader::Words& words, HistoryReader::Done done) {
                 return link_.send(words, std::move(done));
               },
               [this](const Past& past) { return exchange_.fill(past); },
               [this](const std::string& topic, const std::string& source, std::uint64_t newest) {
                 writer_.close_for_another(topic, source, newest);
               }},
              metrics) {}

RelayHistory::~RelayHistory() { stop(); }

RedisLink::Handlers RelayHistory::handlers() {
  RedisLink::Handlers handlers;
  handlers.on_up = [this] {
    if (!std::exchange(was_up_, true)) log::info("the history in Redis is there again");
    writer_.on_up(link_.run_id(), [this] {
      reader_.set_up(true);
      take_up();
      settle();
    });
  };
  handlers.on_down = [this](const std::string& reason) {
    reader_.set_up(false);
    if (std::exchange(was_up_, false))
      log::warning("the history in Redis is away, what is heard now is kept here alone: {}",
                   log::escaped(reason, 200));
    settle();
  };
  return handlers;
}

void RelayHistory::start() {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "relay-history");
    run();
  });
  std::unique_lock<std::mutex> lock(mutex_);
  settles_.wait_for(lock, start_time, [this] { return settled_; });
}

void RelayHistory::settle() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    settled_ = true;
  }
  settles_.notify_all();
}

void RelayHistory::run() noexcept {
  asio::post(loop_, [this] {
    tick();
    link_.start();
  });
  for (;;) {
    try {
      loop_.run();
      return;
    } catch (const std::exception& error) {
      log::error("the history in Redis: {}", error.what());
    }
  }
}

void RelayHistory::stop() noexcept {
  if (!thread_.joinable()) return;
  asio::post(loop_, [this] {
    take_up();
    if (link_.up()) writer_.close_all();
    end_soon(end_tries);
  });
  thread_.join();
}

void RelayHistory::end_soon(int tries_left) {
  const bool done = !link_.up() || (all_sent() && link_.waiting_bytes() == 0);
  if (done || tries_left == 0) {
    link_.stop();
    return loop_.stop();
  }
  const auto timer = std::make_shared<asio::steady_timer>(loop_, tick_time);
  timer->async_wait(
      [this, timer, tries_left](const std::error_code&) { end_soon(tries_left - 1); });
}

void RelayHistory::reload(ConfigPtr config) {
  asio::post(loop_, [this, config = std::move(config)] {
    writer_.reload(*config);
    reader_.reload(*config);
  });
}

// --- what other threads say ----------------------------------------------------------------------

void RelayHistory::keep(const BatchPtr& batch) noexcept try {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::size_t bytes = batch->queued_bytes;
    if (waiting_bytes_ + bytes > waiting_max) {
      for (const EventPtr& event : batch->events) {
        if (event->is_marker()) continue;
        if (!event->raw() && !is_own(*event)) ++overflow_;
        overflow_partitions_ |= std::uint64_t{1} << KeptKeys::partition(event->topic());
      }
    } else {
      handed_over_.push_back(batch);
      waiting_bytes_ += bytes;
    }
    if (std::exchange(keeping_, true)) return;
  }
  asio::post(loop_, [this] { take_up_in_stride(); });
} catch (const std::exception& error) {
  log::error("{} events are not kept in Redis: {}", batch->events.size(), error.what());
  const std::lock_guard<std::mutex> lock(mutex_);
  overflow_ += batch->events.size();
  overflow_partitions_ = KeptKeys::all;
  keeping_ = false;  // nobody may have been told to take it up
}

void RelayHistory::read(const std::vector<std::string>& topics, std::function<void()> done) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    asked_.push_back({topics, std::move(done), Clock::real().steady() + HistoryReader::time_max});
    if (std::exchange(asking_, true)) return;
  }
  asio::post(loop_, [this] { take_up(); });
}

bool RelayHistory::is_own(const Event& event) const noexcept {
  return is_numbered_here_alone(event.source(), own_source_);
}

// --- on its own thread ---------------------------------------------------------------------------

void RelayHistory::take_up() noexcept try {
  std::size_t overflow = 0;
  std::uint64_t partitions = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    asking_ = false;
    for (; !handed_over_.empty(); handed_over_.pop_front()) taken_.push_back(handed_over_.front());
    overflow = std::exchange(overflow_, 0);
    partitions = std::exchange(overflow_partitions_, 0);
  }
  if (partitions != 0) writer_.lose(overflow, partitions);
  write_waiting();
  answer_asked();
} catch (const std::exception& error) {
  log::error("the history in Redis: {}", error.what());
}

// And once more a stride later, until nothing has come.
void RelayHistory::take_up_in_stride() noexcept try {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    keeping_ = !handed_over_.empty() || overflow_partitions_ != 0;
    if (!keeping_) return;
  }
  take_up();
  stride_timer_.expires_after(stride);
  stride_timer_.async_wait([this](const std::error_code& fault) {
    if (!fault) take_up_in_stride();
  });
} catch (const std::exception& error) {
  log::error("the history in Redis: {}", error.what());
  const std::lock_guard<std::mutex> lock(mutex_);
  keeping_ = false;
}

// As long as Redis keeps up.
void RelayHistory::write_waiting() {
  while (!taken_.empty() && link_.up() && writer_.checked() && link_.waiting_bytes() < sent_max) {
    const BatchPtr batch = std::move(taken_.front());
    taken_.pop_front();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting_bytes_ -= batch->queued_bytes;
    }
    write(*batch);
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  metrics_.waiting_bytes.set(waiting_bytes_ + link_.waiting_bytes());
}

void RelayHistory::write(const Batch& batch) noexcept try {
  for (const EventPtr& event : batch.events) {
    if (event->is_marker()) continue;
    if (is_own(*event))
      writer_.pass_over(*event);
    else
      writer_.write(event);
  }
} catch (const std::exception& error) {
  log::error("{} events are not kept in Redis, or not all: {}", batch.events.size(), error.what());
  writer_.give_up(batch.events.size());
}

// Who asks is told of all that had been heard before.
void RelayHistory::answer_asked() {
  const bool behind = link_.up() && !taken_.empty();
  const SteadyTime now = Clock::real().steady();
  for (;;) {
    Asked next;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (asked_.empty() || (behind && asked_.front().until > now)) return;
      next = std::move(asked_.front());
      asked_.pop_front();
    }
    if (behind)
      next.done();
    else
      reader_.read(next.topics, std::move(next.done));
  }
}

void RelayHistory::tick() {
  timer_.expires_after(tick_time);
  timer_.async_wait([this](const std::error_code& fault) {
    if (fault) return;
    tick();
    take_up();
    if (link_.up()) writer_.tick();
    reader_.set_up(link_.up() && writer_.ready());
    reader_.tick();
  });
}

}  // namespace zws
