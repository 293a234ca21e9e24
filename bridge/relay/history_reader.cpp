#include "relay/history_reader.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "core/position.hpp"
#include "core/topic.hpp"

namespace zws {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::int64_t young_ms = 2'000;  // may be on its way here, too
constexpr milliseconds held_back{250};    // ... for so long
constexpr std::int64_t must_be_closed_ms = 60'000;
constexpr std::size_t page_first = 10;
constexpr std::size_t page_bytes = std::size_t{4} << 20;
constexpr std::size_t topic_bytes = std::size_t{16} << 20;  // far more than a client is sent
constexpr std::size_t remembered_max = 65'536;

std::string_view text_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view{} : std::string_view(reply.str, reply.len);
}

bool is_array(const redisReply* answer) {
  return answer != nullptr && answer->type == REDIS_REPLY_ARRAY;
}

std::int64_t now_ms(const Clock& clock) {
  return duration_cast<milliseconds>(clock.wall().time_since_epoch()).count();
}

}  // namespace

HistoryReader::HistoryReader(const Config& config, Parts parts, RelayMetrics& metrics,
                             const Clock& clock)
    : parts_(std::move(parts)), keys_{config.relay.prefix}, metrics_(metrics), clock_(clock) {
  reload(config);
}

void HistoryReader::reload(const Config& config) {
  routes_ = std::make_shared<RouteTable>(config);
  sources_max_ = config.limits.sources_per_topic;
  events_max_ = config.limits.replay_events;
  frame_max_ = 6 * config.limits.event_bytes + 4096;  // each byte of a text may be escaped
}

bool HistoryReader::may_know(std::string_view topic) noexcept {
  if (!up_.load(std::memory_order_relaxed)) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = read_at_.find(topic_hash(topic));
  return found == read_at_.end() || clock_.steady() - found->second > not_again;
}

void HistoryReader::read(const std::vector<std::string>& topics, std::function<void()> done) {
  auto waiter = std::make_shared<Waiter>();
  waiter->until = clock_.steady() + time_max;
  waiter->done = std::move(done);
  for (const std::string& topic : topics) {
    JobPtr& job = jobs_[topic];
    if (!job && waiting_.size() >= wait_max) {
      jobs_.erase(topic);
      continue;
    }
    if (!job) {
      job = std::make_shared<Job>();
      job->topic = topic;
      waiting_.push_back(job);
    }
    job->waiters.push_back(waiter);
    ++waiter->left;
  }
  if (waiter->left == 0) return waiter->done();
  waiters_.push_back(waiter);
  start_some();
}

void HistoryReader::tick() {
  const SteadyTime now = clock_.steady();
  while (!held_.empty() && held_.front()->pass_on_at <= now) {
    const JobPtr job = std::move(held_.front());
    held_.pop_front();
    pass_on(job);
  }
  while (!waiters_.empty() && (waiters_.front()->left == 0 || waiters_.front()->until <= now)) {
    const auto waiter = std::move(waiters_.front());
    waiters_.pop_front();
    if (waiter->done) std::exchange(waiter->done, nullptr)();
  }
}

void HistoryReader::start_some() {
  if (std::exchange(starting_, true)) return;  // what ends at once is called from here
  while (!waiting_.empty() && reading_ < reading_max && bytes_ < bytes_max) {
    const JobPtr job = std::move(waiting_.front());
    waiting_.pop_front();
    ++reading_;
    start(job);
  }
  starting_ = false;
}

// --- one topic -----------------------------------------------------------------------------------

void HistoryReader::start(const JobPtr& job) {
  job->route = routes_->match(job->topic);
  job->past.topic = job->topic;
  job->began = clock_.steady();
  job->began_ms = now_ms(clock_);
  const unsigned partition = KeptKeys::partition(job->topic);
  const auto probed = [job](const redisReply* answer) {
    job->refuses = answer == nullptr || answer->type == REDIS_REPLY_ERROR;
  };
  const auto told = [this, job](const redisReply* answer) {
    job->losses_known = answer != nullptr && read_lost(job, *answer);
  };
  const auto listed = [this, job](const redisReply* answer) {
    job->answered = answer != nullptr && !job->refuses;
    if (job->answered && job->losses_known && is_array(answer)) return read_index(job, *answer);
    if (job->answered) metrics_.unreadable.add();
    end(job);
  };
  const bool sent = parts_.send({"DEL", keys_.probe(partition)}, probed) &&
                    parts_.send({"GET", keys_.lost(partition)}, told) &&
                    parts_.send({"ZRANGE", keys_.index(job->topic), "0",
                                 std::to_string(2 * (sources_max_ + 2)), "WITHSCORES"},
                                listed);
  if (sent) return;
  job->answered = false;
  end(job);
}

// When events of this partition were lost.
bool HistoryReader::read_lost(const JobPtr& job, const redisReply& answer) const {
  if (answer.type == REDIS_REPLY_NIL) return true;
  if (answer.type != REDIS_REPLY_STRING) return false;
  std::int64_t ms = 0;
  const std::string_view text = text_of(answer);
  const auto [stopped, fault] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (fault != std::errc{} || stopped != text.data() + text.size() || ms < 0) return false;
  note_forgotten(*job, ms);
  return true;
}

void HistoryReader::note_forgotten(Job& job, std::int64_t wall_ms) const {
  const SteadyTime time = steady(job, wall_ms);
  job.past.forgotten = job.past.forgotten ? std::max(*job.past.forgotten, time) : time;
}

void HistoryReader::read_index(const JobPtr& job, const redisReply& answer) {
  bool whole = true;
  bool begun = false;
  for (std::size_t i = 0; i + 1 < answer.elements; i += 2) {
    const std::string_view name = text_of(*answer.element[i]);
    const double score = std::strtod(std::string(text_of(*answer.element[i + 1])).c_str(), nullptr);
    begun = begun || name == "*";
    whole = take_member(*job, name, score) && whole;
  }
  if (!begun || !whole || job->sources.empty() || job->sources.size() > sources_max_)
    return end(job);
  job->left = job->sources.size();
  for (std::size_t i = 0; i < job->sources.size(); ++i) read_stream(job, i);
}

// False where something may be missing.
bool HistoryReader::take_member(Job& job, std::string_view name, double score) {
  constexpr auto most = static_cast<double>(kept_seq_max);
  constexpr double time_most = 1e15;
  if (name == "*" || name == "!") {
    if (!(score >= 0 && score < time_most)) return false;
    const auto ms = static_cast<std::int64_t>(score);
    if (name == "*") job.past.known_since = steady(job, ms);
    if (name == "!" && ms > 0) note_forgotten(job, ms);
    return true;
  }
  if (!is_source(name)) {
    metrics_.unreadable.add();
    return true;  // no event can be of such a source
  }
  if (!(score >= 1 && score <= most + 1)) return false;
  Reading reading;
  reading.past.name = name;
  reading.past.newest = static_cast<std::uint64_t>(score);
  reading.closed = score - std::floor(score) > 0.7;
  job.sources.push_back(std::move(reading));
  return true;
}

// So many at a time that no answer is too large. One more than is wanted: it shows when it was that its
// successor was missed.
std::size_t HistoryReader::page(const Job& job, const Reading& reading) const noexcept {
  const std::size_t wanted = std::min(job.route.history, events_max_) + 1;
  const std::size_t left = wanted - std::min(wanted, reading.count);
  if (reading.count == 0) return std::min(left, page_first);
  const std::size_t each = std::max<std::size_t>(reading.bytes / reading.count, 1);
  return std::min(left, std::max(page_bytes / each, page_first));
}

void HistoryReader::read_stream(const JobPtr& job, std::size_t place) {
  const Reading& reading = job->sources[place];
  const std::string from = reading.last == 0 ? "+" : "0-" + std::to_string(reading.last - 1);
  const bool sent =
      parts_.send({"XREVRANGE", keys_.stream(job->topic, reading.past.name), from, "-", "COUNT",
                   std::to_string(std::max<std::size_t>(page(*job, reading), 1))},
                  [this, job, place](const redisReply* answer) {
                    if (is_array(answer)) return take_stream(job, place, *answer);
                    job->answered = job->answered && answer != nullptr;
                    if (answer != nullptr) metrics_.unreadable.add();
                    job->whole = false;
                    if (--job->left == 0) read_all(job);
                  });
  if (sent) return;
  job->answered = job->whole = false;
  if (--job->left == 0) read_all(job);
}

void HistoryReader::take_stream(const JobPtr& job, std::size_t place, const redisReply& answer) {
  Reading& reading = job->sources[place];
  const std::size_t asked = std::max<std::size_t>(page(*job, reading), 1);
  for (std::size_t i = 0; i < answer.elements && !reading.ended; ++i)
    reading.ended = !take_entry(*job, reading, *answer.element[i]);
  const bool more = !reading.ended && answer.elements == asked && reading.last > 1 &&
                    page(*job, reading) > 0 && reading.bytes < topic_bytes / job->sources.size() &&
                    bytes_ < bytes_max;
  if (more) return read_stream(job, place);
  if (--job->left == 0) read_all(job);
}

// The newest first. False where the run of its events ends.
bool HistoryReader::take_entry(Job& job, Reading& reading, const redisReply& entry) {
  const auto kept = read_entry(entry);
  const bool first = reading.last == 0;
  if (!kept) {
    metrics_.unreadable.add();
    job.whole = job.whole && !first;  // nor is it known then what came last
    return false;
  }
  if (!first && kept->seq + 1 != reading.last) return false;
  reading.last = kept->seq;
  ++reading.count;
  if (first) {
    if (kept->seq >= reading.past.newest) reading.newest_ms = kept->heard_ms;
    reading.past.newest = std::max(reading.past.newest, kept->seq);
    reading.past.newest_ns = (kept->heard_ms + 1) * 1'000'000 - 1;  // of that millisecond the last
  }
  SteadyTime received = steady(job, kept->heard_ms);
  std::vector<EventPtr>& events = reading.past.events;
  if (!events.empty()) received = std::min(received, events.back()->received());
  EventPtr event = kept->frame.size() > frame_max_
                       ? nullptr
                       : events_.make(*kept, job.topic, reading.past.name, job.route, received);
  if (!event) {
    metrics_.unreadable.add();
    job.whole = job.whole && !first;
    return false;
  }
  const std::size_t bytes = event->memory_bytes();
  reading.bytes += bytes;
  job.bytes += bytes;
  bytes_ += bytes;
  events.push_back(std::move(event));
  return true;
}

SteadyTime HistoryReader::steady(const Job& job, std::int64_t wall_ms) noexcept {
  return job.began - milliseconds(std::max<std::int64_t>(job.began_ms - wall_ms, 0));
}

// --- what was read -------------------------------------------------------------------------------

void HistoryReader::read_all(const JobPtr& job) {
  end_reading(*job);
  if (!is_whole(*job)) return end(job);
  leave_out_too_old(*job);
  const std::int64_t now = now_ms(clock_);
  const bool young =
      std::any_of(job->sources.begin(), job->sources.end(), [&](const Reading& each) {
        const bool is_to_come = !each.closed && each.newest_ms == 0;
        return is_to_come || now - each.newest_ms < young_ms;
      });
  for (Reading& each : job->sources) {
    std::reverse(each.past.events.begin(), each.past.events.end());
    if (!each.closed && each.newest_ms != 0 && now - each.newest_ms > must_be_closed_ms)
      parts_.close(job->topic, each.past.name, each.past.newest);
    job->past.sources.push_back(std::move(each.past));
  }
  if (!young) return pass_on(job);
  job->pass_on_at = clock_.steady() + held_back;
  held_.push_back(job);
  start_some();
}

void HistoryReader::end_reading(Job& job) noexcept {
  if (std::exchange(job.reading, false)) --reading_;
}

// Of a source that may have gone on, and of which nothing is there any more, nobody knows where it stands.
bool HistoryReader::is_whole(const Job& job) const {
  return job.whole && std::none_of(job.sources.begin(), job.sources.end(), [](const Reading& each) {
           return !each.closed && each.last == 0;
         });
}

// The exchange is not kept busy with what nobody can be sent: of all sources together so many.
void HistoryReader::leave_out_too_old(Job& job) const {
  const std::size_t wanted = std::min(job.route.history, events_max_) + job.sources.size();
  std::vector<SteadyTime> times;
  for (const Reading& each : job.sources)
    for (const EventPtr& event : each.past.events) times.push_back(event->received());
  if (times.size() <= wanted) return;
  const auto oldest = times.end() - static_cast<std::ptrdiff_t>(wanted);
  std::nth_element(times.begin(), oldest, times.end());
  const SteadyTime from = *oldest;
  for (Reading& each : job.sources) {  // the newest first
    std::vector<EventPtr>& events = each.past.events;
    while (!events.empty() && events.back()->received() < from) events.pop_back();
  }
}

void HistoryReader::pass_on(const JobPtr& job) {
  const bool filled = parts_.fill(job->past);
  if (filled) metrics_.topics_read.add();
  end(job);
}

void HistoryReader::end(const JobPtr& job) {
  end_reading(*job);
  bytes_ -= job->bytes;
  jobs_.erase(job->topic);
  if (job->answered) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (read_at_.size() >= remembered_max) read_at_.clear();
    read_at_[topic_hash(job->topic)] = clock_.steady();
  }
  for (const auto& waiter : job->waiters) {
    if (--waiter->left == 0 && waiter->done) std::exchange(waiter->done, nullptr)();
  }
  start_some();
}

}  // namespace zws
