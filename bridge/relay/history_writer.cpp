#include "relay/history_writer.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "exchange/same_message.hpp"

namespace zws {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::chrono::seconds silence{1};
constexpr milliseconds index_stays{3'600'000};
constexpr milliseconds stream_stays{60'000};  // longer than what it holds
constexpr milliseconds refresh_max{600'000};
// Bridges hear an event at about the same time; one that they hear further apart may be another one.
constexpr std::int64_t heard_apart_ms = 5'000;
constexpr milliseconds unseen_max{2'000};
constexpr std::int64_t read_apart = 2;  // milliseconds: what clocks say twice may differ by one
constexpr std::size_t marks = 2;        // members of an index that are no sources
constexpr const char* missing = "!";    // one of them
constexpr std::chrono::minutes life_pace{1};

std::int64_t wall_ms(const Clock& clock) {
  return duration_cast<milliseconds>(clock.wall().time_since_epoch()).count();
}

std::string_view text_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view{} : std::string_view(reply.str, reply.len);
}

// That it is there already, or a later one.
bool is_there(const redisReply& answer) {
  return text_of(answer).find("equal or smaller") != std::string_view::npos;
}

bool is_closed(double score) {
  const double whole = static_cast<double>(static_cast<std::uint64_t>(score));
  return score - whole > 0.7;
}

}  // namespace

HistoryWriter::HistoryWriter(const Config& config, std::string bridge, Send send,
                             RelayMetrics& metrics, const Clock& clock)
    : keys_{config.relay.prefix},
      fault_(RedisUrl::parse(config.relay.redis)),
      bridge_(std::move(bridge)),
      send_(std::move(send)),
      metrics_(metrics),
      clock_(clock),
      routes_(config) {
  reload(config);
}

void HistoryWriter::reload(const Config& config) {
  routes_ = RouteTable(config);
  index_max_ = config.limits.sources_per_topic;
  Duration longest = config.history.ttl;
  for (const RouteConfig& route : config.routes)
    longest = std::max(longest, route.ttl.value_or(longest));
  lost_ms_ = std::max<std::int64_t>(index_stays.count(), 2 * longest.count());
  for (auto& [name, topic] : topics_) topic.route = &routes_.match(name);
}

void HistoryWriter::on_up(std::string life, std::function<void()> ready) {
  topics_.clear();
  open_.clear();
  was_another_ = was_another_ || (!life_.empty() && life_ != life);
  life_ = std::move(life);
  on_ready_ = std::move(ready);
  life_told_ = checked_ = life_.empty();
  life_due_ = false;
  if (checked_) return tick();
  const bool sent = send_({"GET", keys_.life()}, [this](const redisReply* answer) {
    if (answer != nullptr) take_life(*answer);
  });
  if (!sent) log::warning("the history in Redis: it cannot be asked for its life");
}

// Where it has none it is empty: the name is written before the first event.
void HistoryWriter::take_life(const redisReply& answer) {
  life_due_ = answer.type == REDIS_REPLY_NIL;
  life_told_at_ = clock_.steady();
  life_told_ = life_due_ || (answer.type == REDIS_REPLY_STRING && text_of(answer) == life_);
  checked_ = true;
  if (std::exchange(was_another_, false) && life_told_ && !life_due_)
    lose(0, KeptKeys::all);  // what it gave to the other
  if (!life_told_) {
    log::info(
        "Redis was started again, or is another one: what it lacks of the history is not known");
    lose(0, KeptKeys::all);
  }
  tick();
}

void HistoryWriter::look_whether_ready() {
  if (ready() && on_ready_) std::exchange(on_ready_, nullptr)();
}

// When all partitions that may lack something have been told. It is told again now and then: Redis may have
// evicted it, and would be taken for an empty one after a restart.
void HistoryWriter::tell_life() {
  const SteadyTime now = clock_.steady();
  const bool again = !life_.empty() && !life_due_ && now - life_told_at_ > life_pace;
  if ((life_told_ && !again) || !ready()) return;
  life_told_at_ = now;
  life_told_ = send_({"SET", keys_.life(), life_}, [this](const redisReply* answer) {
    if (answer == nullptr || answer->type == REDIS_REPLY_ERROR) life_told_ = false;
  });
}

void HistoryWriter::write(const EventPtr& event) {
  Topic& known = topic(*event);
  if (!keeps(*event, *known.route)) return pass_over(*event);
  if (event->restart()) {
    begin_anew(event->topic(), event->source());
    known.sources.erase(std::string(event->source()));
  }
  if (std::exchange(life_due_, false)) {
    life_told_ = false;
    tell_life();
  }
  const SteadyTime now = clock_.steady();
  Source& source = known.sources[std::string(event->source())];
  const bool fresh = source.newest == 0;
  source.doubted = source.doubted || event->seq() <= source.newest;
  source.heard = now;
  source.newest = std::max(source.newest, event->seq());
  if (fresh && !open(*event, source)) {
    known.sources.erase(std::string(event->source()));  // the next one tries again
    return lose(*event);
  }
  const bool sent = send_(keep_command(keys_, *event, *known.route, heard_ms(*event)),
                          [this, event, doubted = source.doubted](const redisReply* answer) {
                            on_kept(event, doubted, answer);
                          });
  if (!sent) return lose(*event);
  refresh(*event, *known.route, source, now);
  if (open_.size() > sources_max) look_at_oldest(SteadyTime::max());
}

HistoryWriter::Topic& HistoryWriter::topic(const Event& event) {
  const auto [found, fresh] = topics_.try_emplace(std::string(event.topic()));
  if (fresh) found->second.route = &routes_.match(event.topic());
  return found->second;
}

// Where there is no index of the topic this does nothing: one that begins later begins with what came later.
void HistoryWriter::pass_over(const Event& event) {
  Source& mark = topic(event).sources[missing];
  const bool fresh = mark.opened == 0;
  mark.heard = clock_.steady();
  if (!fresh && mark.heard - mark.refreshed < missing_pace) return;
  mark.refreshed = mark.heard;
  if (fresh) enlist(event, missing, mark);
  tell_missing(event.topic());
  if (open_.size() > sources_max) look_at_oldest(SteadyTime::max());
}

void HistoryWriter::enlist(const Event& event, std::string source, Source& entry) {
  entry.opened = ++opened_;
  open_.push_back(
      {clock_.steady() + silence, entry.opened, std::string(event.topic()), std::move(source)});
}

// Before its first event is kept. An index that begins with this event knows of all that came after it.
bool HistoryWriter::open(const Event& event, Source& source) {
  enlist(event, std::string(event.source()), source);
  const std::string index = keys_.index(event.topic());
  const std::string since = std::to_string(heard_ms(event) - read_apart);
  const bool begun = send({"ZADD", index, "NX", since, "*", "0", missing}, event.topic());
  if (topic(event).sources.count(missing) != 0) tell_missing(event.topic());
  return put(event.topic(), std::string(event.source()), std::to_string(event.seq()) + ".5") &&
         begun;
}

// What expires is put off, long before it would.
void HistoryWriter::refresh(const Event& event, const Route& route, Source& source,
                            SteadyTime now) {
  const bool fresh = source.refreshed == SteadyTime{};
  if (!fresh && now - source.refreshed < pace_of(route)) return;
  source.refreshed = now;
  const std::string stays = std::to_string(index_ms(route));
  send({"PEXPIRE", keys_.stream(event.topic(), event.source()), stays}, event.topic());
  send_({"PEXPIRE", keys_.index(event.topic()), stays},
        [this, fresh, name = std::string(event.topic()), from = std::string(event.source()),
         newest = source.newest](const redisReply* answer) {
          if (answer == nullptr || answer->type != REDIS_REPLY_INTEGER) return;
          if (answer->integer != 0) return fresh ? void() : put_if_absent(name, from, newest);
          topics_.erase(name);  // somebody deleted it, and perhaps all: it begins anew
          life_due_ = !life_.empty();
        });
}

// Another bridge may have made the index anew, or have taken it out.
void HistoryWriter::put_if_absent(const std::string& topic, const std::string& source,
                                  std::uint64_t newest) {
  send({"ZADD", keys_.index(topic), "NX", std::to_string(newest) + ".5", source}, topic);
}

// At which what is there is seen to be there still.
Duration HistoryWriter::pace_of(const Route& route) noexcept {
  return std::clamp<Duration>(route.ttl / 4, milliseconds(1'000), refresh_max);
}

std::int64_t HistoryWriter::index_ms(const Route& route) const noexcept {
  return std::max<std::int64_t>(index_stays.count(), 2 * route.ttl.count());
}

std::int64_t HistoryWriter::heard_ms(const Event& event) const {
  const auto age = clock_.steady() - event.received();
  return duration_cast<milliseconds>(clock_.wall().time_since_epoch() - age).count();
}

// --- the index -----------------------------------------------------------------------------------

// Of two scores the larger stays. False where it is not on its way.
bool HistoryWriter::put(std::string_view topic, const std::string& source,
                        const std::string& score) {
  const std::string index = keys_.index(topic);
  const std::string scratch = keys_.scratch(topic, bridge_);
  send({"DEL", scratch}, topic);
  send({"ZADD", scratch, score, source}, topic);
  const bool sent = send_({"ZUNIONSTORE", index, "2", index, scratch, "AGGREGATE", "MAX"},
                          [this, name = std::string(topic)](const redisReply* answer) {
                            if (answer == nullptr) return;
                            if (answer->type == REDIS_REPLY_ERROR)
                              return refused(name, {}, *answer);
                            const bool full =
                                answer->type == REDIS_REPLY_INTEGER &&
                                answer->integer > static_cast<long long>(index_max_ + marks);
                            if (full)
                              send_({"ZRANGE", keys_.index(name), "0", "-1", "WITHSCORES"},
                                    [this, name](const redisReply* all) {
                                      if (all != nullptr) trim(name, *all);
                                    });
                          });
  send({"DEL", scratch}, topic);
  return sent;
}

bool HistoryWriter::send(Words words, std::string_view topic) {
  return send_(words, [this, name = std::string(topic)](const redisReply* answer) {
    if (answer != nullptr && answer->type == REDIS_REPLY_ERROR) refused(name, {}, *answer);
  });
}

// Where it does not come to Redis the partition is told.
void HistoryWriter::send_or_lose(Words words, std::string_view topic) {
  const std::uint64_t partition = std::uint64_t{1} << KeptKeys::partition(topic);
  const bool sent =
      send_(words, [this, partition, name = std::string(topic)](const redisReply* answer) {
        if (answer == nullptr) return lose(0, partition);
        if (answer->type == REDIS_REPLY_ERROR) refused(name, {}, *answer);
      });
  if (!sent) lose(0, partition);
}

// From now on, and for what comes until it is said again, or known.
void HistoryWriter::tell_missing(std::string_view topic, Duration stays) {
  const std::string until = std::to_string(wall_ms(clock_) + stays.count());
  send_or_lose({"ZADD", keys_.index(topic), "XX", until, missing}, topic);
}

// Too many sources: a quarter of them go, first of those that have ended. "!" says that some did. Who speaks on
// is put in again with its next event: else nobody who reads would know of what it says later. One that others alone
// hear they put in again at their pace, so it is said for as long.
void HistoryWriter::trim(const std::string& topic, const redisReply& index) {
  if (index.type != REDIS_REPLY_ARRAY) return;
  std::vector<std::string> ended;
  std::vector<std::string> others;
  for (std::size_t i = 0; i + 1 < index.elements; i += 2) {
    const std::string_view name = text_of(*index.element[i]);
    if (name == "*" || name == missing) continue;
    const double score = std::strtod(std::string(text_of(*index.element[i + 1])).c_str(), nullptr);
    (score < static_cast<double>(kept_seq_max) * 2 && is_closed(score) ? ended : others)
        .emplace_back(name);
  }
  const std::size_t known = ended.size() + others.size();
  if (known <= index_max_) return;
  const std::size_t wanted = known - index_max_ + index_max_ / 4;
  const bool speak_on = ended.size() < wanted;
  ended.insert(ended.end(), others.begin(), others.end());
  ended.resize(std::min(ended.size(), wanted));
  const auto here = topics_.find(topic);
  for (const std::string& source : ended)
    if (here != topics_.end()) here->second.sources.erase(source);
  tell_missing(topic, missing_pace + (speak_on ? pace_of(routes_.match(topic)) : Duration{}));
  Words out{"ZREM", keys_.index(topic)};
  out.insert(out.end(), ended.begin(), ended.end());
  send(std::move(out), topic);
}

void HistoryWriter::tick() {
  if (!checked_) return;
  tell_lost();
  tell_life();
  look_whether_ready();
  look_at_oldest(clock_.steady());
}

void HistoryWriter::close_all() {
  while (!open_.empty()) look_at_oldest(SteadyTime::max());
}

// Closes those that have said nothing since they were looked at.
void HistoryWriter::look_at_oldest(SteadyTime now) {
  const bool at_once = now == SteadyTime::max();
  while (!open_.empty() && open_.front().look <= now) {
    Open next = std::move(open_.front());
    open_.pop_front();
    const auto topic = topics_.find(next.topic);
    if (topic == topics_.end()) continue;
    const auto source = topic->second.sources.find(next.source);
    if (source == topic->second.sources.end() || source->second.opened != next.id) {
      if (topic->second.sources.empty()) topics_.erase(topic);
      continue;
    }
    if (!at_once && source->second.heard + silence > now) {
      next.look = source->second.heard + silence;
      open_.push_back(std::move(next));
      continue;
    }
    if (source->second.unseen != SteadyTime{}) begin_anew(next.topic, next.source);
    if (next.source == missing)
      tell_missing(next.topic);
    else
      close(next.topic, next.source, source->second.newest);
    topic->second.sources.erase(source);
    if (topic->second.sources.empty()) topics_.erase(topic);
    if (at_once) return;
  }
}

// Others may hear the source still, and see to the stream at their pace: it stays until they have.
void HistoryWriter::close(std::string_view topic, std::string_view source, std::uint64_t newest) {
  const Route& route = routes_.match(topic);
  put(topic, std::string(source), std::to_string(newest) + ".75");
  send({"PEXPIRE", keys_.index(topic), std::to_string(index_ms(route))}, topic);
  send({"PEXPIRE", keys_.stream(topic, source),
        std::to_string((route.ttl + pace_of(route) + stream_stays).count())},
       topic);
}

// Whoever hears it closes it, and knows where. Of the others one may be too late to close it: what lies there tells.
void HistoryWriter::close_for_another(std::string_view topic, std::string_view source,
                                      std::uint64_t newest) {
  const auto known = topics_.find(std::string(topic));
  if (known != topics_.end() && known->second.sources.count(std::string(source)) != 0) return;
  close(topic, source, newest);
  send_({"XREVRANGE", keys_.stream(topic, source), "+", "-", "COUNT", "1"},
        [this, name = std::string(topic), from = std::string(source),
         newest](const redisReply* answer) {
          const bool is_there =
              answer != nullptr && answer->type == REDIS_REPLY_ARRAY && answer->elements != 0;
          const auto last = is_there ? read_entry(*answer->element[0]) : std::nullopt;
          if (last && last->seq < newest) put_again(name, from, last->seq);
        });
}

// --- sources that begin again ---------------------------------------------------------------------

// Of a source that has begun again, and is in the index with a number of its former life.
void HistoryWriter::put_again(const std::string& topic, const std::string& source,
                              std::uint64_t newest) {
  tell_missing(topic);
  send({"ZREM", keys_.index(topic), source}, topic);
  put(topic, source, std::to_string(newest) + ".5");
  const std::string stays = std::to_string(index_ms(routes_.match(topic)));
  send({"PEXPIRE", keys_.index(topic), stays}, topic);
}

void HistoryWriter::compare(const EventPtr& event) {
  const std::string id = "0-" + std::to_string(event->seq());
  const bool sent = send_({"XREVRANGE", keys_.stream(event->topic(), event->source()), id, id},
                          [this, event](const redisReply* answer) {
                            const bool told =
                                answer != nullptr && answer->type == REDIS_REPLY_ARRAY;
                            if (told) return judge(*event, *answer);
                            lose(0, std::uint64_t{1} << KeptKeys::partition(event->topic()));
                          });
  if (!sent) lose(0, std::uint64_t{1} << KeptKeys::partition(event->topic()));
}

// What Redis has under the number of an event that it did not take. Where it has only later ones, it may be
// that they had pushed this one out, and it came here once more (ingest/repair.hpp): then those come, too.
void HistoryWriter::judge(const Event& event, const redisReply& there) {
  Source* const source = find(event);
  if (source != nullptr && !source->doubted) return;
  const auto kept = there.elements == 0 ? std::nullopt : read_entry(*there.element[0]);
  if (kept && says_the_same(kept->frame, text_in_frame(event.frame()))) {
    if (source == nullptr) return;
    source->unseen = {};
    source->doubted = std::abs(kept->heard_ms - heard_ms(event)) > heard_apart_ms;
    return;
  }
  // This bridge is behind: the source has begun again meanwhile, and others have kept that.
  const bool is_older = kept && kept->heard_ms > heard_ms(event) + heard_apart_ms;
  if (is_older || (!kept && wall_ms(clock_) > heard_ms(event) + heard_apart_ms)) return;
  if (source != nullptr && there.elements == 0) {
    if (source->unseen == SteadyTime{}) source->unseen = clock_.steady();
    if (clock_.steady() - source->unseen <= unseen_max) return;
  }
  begin_anew(event.topic(), event.source());
  if (source == nullptr) return;
  source->doubted = false;
  source->unseen = {};
  put(event.topic(), std::string(event.source()), std::to_string(source->newest) + ".5");
}

HistoryWriter::Source* HistoryWriter::find(const Event& event) {
  const auto topic = topics_.find(std::string(event.topic()));
  if (topic == topics_.end()) return nullptr;
  const auto source = topic->second.sources.find(std::string(event.source()));
  return source == topic->second.sources.end() ? nullptr : &source->second;
}

// Who stands before this moment is told of a loss from now on; so it is said first.
void HistoryWriter::begin_anew(std::string_view topic, std::string_view source) {
  tell_missing(topic);
  send({"ZREM", keys_.index(topic), std::string(source)}, topic);
  send_or_lose({"DEL", keys_.stream(topic, source)}, topic);
}

// --- what is not kept ----------------------------------------------------------------------------

void HistoryWriter::on_kept(const EventPtr& event, bool doubted, const redisReply* answer) {
  if (answer == nullptr) return lose(*event);
  if (answer->type != REDIS_REPLY_ERROR) return metrics_.written.add();
  if (is_there(*answer)) return doubted ? compare(event) : void();
  metrics_.unwritten.add();
  refused(event->topic(), keys_.stream(event->topic(), event->source()), *answer);
}

// Without its index nobody reads a topic; it begins anew with the next event. To delete takes no memory, but
// where Redis refuses that as well (it could not save, or has too few replicas) what stays is told as lost later.
void HistoryWriter::refused(std::string_view topic, std::string_view stream,
                            const redisReply& answer) {
  std::uint64_t suppressed = 0;
  if (refused_log_.pass(suppressed))
    log::warning("Redis does not keep the history of topic \"{}\": {}{}", log::escaped(topic, 100),
                 fault_.shown(answer), log::more(suppressed));
  topics_.erase(std::string(topic));
  const auto ignore = [](const redisReply*) {};
  const bool is_another_kind = text_of(answer).substr(0, 9) == "WRONGTYPE";
  if (is_another_kind) metrics_.unreadable.add();
  if (is_another_kind && !stream.empty()) send_({"DEL", std::string(stream)}, ignore);
  const std::uint64_t partition = std::uint64_t{1} << KeptKeys::partition(topic);
  const bool sent = send_({"DEL", keys_.index(topic)}, [this, partition](const redisReply* gone) {
    if (gone == nullptr || gone->type == REDIS_REPLY_ERROR) lose(0, partition);
  });
  if (!sent) lose(0, partition);
}

void HistoryWriter::lose(const Event& event) noexcept {
  lose(1, std::uint64_t{1} << KeptKeys::partition(event.topic()));
}

void HistoryWriter::lose(std::size_t count, std::uint64_t partitions) noexcept {
  metrics_.unwritten.add(count);
  lost_ |= partitions;
}

void HistoryWriter::give_up(std::size_t count) noexcept {
  topics_.clear();
  open_.clear();
  lose(count, KeptKeys::all);
}

void HistoryWriter::tell_lost() {
  const std::string now = std::to_string(wall_ms(clock_));
  for (unsigned i = 0; i < KeptKeys::partitions; ++i) {
    const std::uint64_t bit = std::uint64_t{1} << i;
    if ((lost_ & bit) == 0) continue;
    const bool sent = send_({"SET", keys_.lost(i), now, "PX", std::to_string(lost_ms_)},
                            [this, bit](const redisReply* answer) {
                              telling_ &= ~bit;
                              if (answer == nullptr || answer->type == REDIS_REPLY_ERROR)
                                lost_ |= bit;
                              if (!ready()) return;
                              tell_life();
                              look_whether_ready();
                            });
    if (!sent) return;
    lost_ &= ~bit;
    telling_ |= bit;
  }
}

}  // namespace zws
