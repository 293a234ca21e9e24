// HistoryWriter: events on their way into Redis (relay/kept_event.hpp), and the index of their sources.
//
// Every bridge of the fleet tries to keep every event; Redis takes the first and refuses the others, because
// a number of a stream cannot come twice.
//
// The index of a topic names its sources, so that who reads knows that nothing is missing. A source is in it
// before its first event is kept: as SEQ.5 while it speaks ("open": it is now there or further), put in again now and
// then where it is not any more, as another bridge may have made the index anew; and as
// SEQ.75 when it has been silent for a second ("closed": there it ended, as far as the bridge heard). The larger of
// two counts, so bridges need not agree. "*" says since when the index knows all sources, in Unix
// milliseconds, "!" up to when some were taken out, or there were events that are not kept (they have no number
// of a producer's, or one that is too large). What could not be kept is not passed over in silence: the topic's index
// is deleted where Redis refused, and where Redis was away the partition is told when that was.
//
// A Redis that was started again, or another one that has taken its place, may have what lay there some time ago, and
// nobody can tell what is missing. So the name of its life lies there, too, and where it is another all partitions are
// told. Before that nothing is written, and nothing is read before all losses are told.
//
// A source whose numbers mean other events than they did, because its producer began again under the same
// name, begins anew there too: what was kept of it goes, and "!" says when. This bridge need not have heard
// that it began again: so what it hears first of a source, and Redis says to have, is compared with what lies there.
//
// Thread: the history's. Bounds: `sources_max` sources that speak; what is sent is the link's to bound.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "config/route_table.hpp"
#include "core/clock.hpp"
#include "core/event.hpp"
#include "core/keyed_hash.hpp"
#include "core/log.hpp"
#include "metrics/metrics.hpp"
#include "relay/kept_event.hpp"
#include "relay/redis_fault.hpp"

struct redisReply;

namespace zws {

class HistoryWriter {
 public:
  using Words = std::vector<std::string>;
  using Done = std::function<void(const redisReply* answer)>;
  using Send = std::function<bool(const Words& words, Done done)>;

  static constexpr std::size_t sources_max = 100'000;

  // `bridge`: this bridge's name for keys of its own.
  HistoryWriter(const Config& config, std::string bridge, Send send, RelayMetrics& metrics,
                const Clock& clock = Clock::real());

  void reload(const Config& config);

  // The connection is there, anew, to a Redis of this life ("": it does not say): who had spoken is put into
  // the index again. `ready` is called when it has become ready().
  void on_up(
      std::string life = {}, std::function<void()> ready = [] {});

  // Whether it may be written to.
  bool checked() const noexcept { return checked_; }
  // Whether what lies there tells of all that is missing.
  bool ready() const noexcept { return checked_ && (lost_ | telling_) == 0; }

  // Keeps an event that has a producer's number; others are passed over.
  void write(const EventPtr& event);
  // It is not kept, and who was there before it is not to be told that nothing is missing.
  void pass_over(const Event& event);

  // This event has not been kept, and will not be.
  void lose(const Event& event) noexcept;
  // The same of `count` events in these partitions.
  void lose(std::size_t count, std::uint64_t partitions) noexcept;

  // Of `count` events it is not known which have been kept, nor of what is known here whether it is in Redis.
  void give_up(std::size_t count) noexcept;

  // Call it a few times a second.
  void tick();
  // Closes all that are open.
  void close_all();

  // A source ended at `newest`: somebody who read it saw that its bridge did not come to say so. Where it has begun
  // again since it was read, that does not count.
  void close_for_another(std::string_view topic, std::string_view source, std::uint64_t newest);

  // Whether events of this route with this number are kept.
  static bool keeps(const Event& event, const Route& route) noexcept {
    return !event.is_marker() && !event.raw() && route.history > 0 && event.seq() <= kept_seq_max;
  }

 private:
  static constexpr Duration missing_pace{1'000};

  struct Source {
    std::uint64_t newest = 0;
    SteadyTime heard{};
    SteadyTime refreshed{};
    std::uint64_t opened = 0;  // which Open is its own
    bool doubted = true;       // what is kept may be of a former life
    SteadyTime unseen{};       // since when later events are there, and this one's are not
  };
  struct Topic {
    const Route* route = nullptr;
    std::unordered_map<std::string, Source, KeyedHash> sources;
  };
  struct Open {
    SteadyTime look;
    std::uint64_t id;
    std::string topic;
    std::string source;
  };

  Topic& topic(const Event& event);
  void enlist(const Event& event, std::string source, Source& entry);
  bool open(const Event& event, Source& source);
  void refresh(const Event& event, const Route& route, Source& source, SteadyTime now);
  void look_at_oldest(SteadyTime silent_since);
  void close(std::string_view topic, std::string_view source, std::uint64_t newest);
  void put_if_absent(const std::string& topic, const std::string& source, std::uint64_t newest);
  void put_again(const std::string& topic, const std::string& source, std::uint64_t newest);
  bool put(std::string_view topic, const std::string& source, const std::string& score);
  bool send(Words words, std::string_view topic);
  void send_or_lose(Words words, std::string_view topic);
  void tell_missing(std::string_view topic, Duration stays = missing_pace);
  static Duration pace_of(const Route& route) noexcept;
  void on_kept(const EventPtr& event, bool doubted, const redisReply* answer);
  void compare(const EventPtr& event);
  void judge(const Event& event, const redisReply& there);
  Source* find(const Event& event);
  void begin_anew(std::string_view topic, std::string_view source);
  void refused(std::string_view topic, std::string_view stream, const redisReply& answer);
  void trim(const std::string& topic, const redisReply& index);
  void tell_lost();
  void tell_life();
  void take_life(const redisReply& answer);
  void look_whether_ready();
  std::int64_t heard_ms(const Event& event) const;
  std::int64_t index_ms(const Route& route) const noexcept;

  KeptKeys keys_;
  const RedisFault fault_;
  const std::string bridge_;
  const Send send_;
  RelayMetrics& metrics_;
  const Clock& clock_;
  RouteTable routes_;
  std::size_t index_max_ = 0;
  std::int64_t lost_ms_ = 0;  // how long it is told that events were lost
  std::unordered_map<std::string, Topic, KeyedHash> topics_;
  std::deque<Open> open_;  // each source that is open, by when to look at it
  std::uint64_t opened_ = 0;
  std::uint64_t lost_ = 0;     // partitions, as bits, of which it has to be told
  std::uint64_t telling_ = 0;  // ... and of which it is on its way
  bool checked_ = false;       // this connection's Redis
  std::string life_;
  bool was_another_ = false;  // the Redis before this one
  bool life_told_ = false;
  SteadyTime life_told_at_{};
  bool life_due_ = false;  // with the first event, as nothing lies there yet
  std::function<void()> on_ready_;
  log::Quiet refused_log_;
};

}  // namespace zws
