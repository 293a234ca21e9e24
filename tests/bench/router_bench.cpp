// What Router costs beside the sends: ns for an event that nobody on the lane wants, for one that one
// subscriber wants, and for joining and leaving, by the number of topics and patterns subscribed.
// Prints one JSON object a line.
//
//   router_bench
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "core/topic.hpp"
#include "routing/router.hpp"

namespace {

using zws::Event;
using zws::EventPtr;
using zws::Pattern;

constexpr std::size_t turn_events = 64;
constexpr std::size_t turns = 4000;
constexpr std::size_t heard_topics = 1000;  // that producers send on, in turn

struct NoInterest final : zws::Interest {
  void begins(const zws::Pattern&) override {}
  void ends(const zws::Pattern&) noexcept override {}
  void watch_begins(const zws::Pattern&) override {}
  void watch_ends(const zws::Pattern&) noexcept override {}
};

class Ear final : public zws::Subscriber {
 public:
  void deliver(const zws::Bundle&) noexcept override {}
};

// CPU time of this thread, so that what else the machine does stays out of it as far as can be.
double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

Pattern pattern(const std::string& text) { return Pattern::parse(text).value(); }

// A lane with `count` subscriptions, each a client's own: topics by name, or patterns.
class Stage {
 public:
  Stage(std::size_t count, const std::string& prefix, const std::string& suffix) : ears_(count) {
    for (std::size_t i = 0; i < count; ++i)
      router_.subscribe(ears_[i], pattern(prefix + std::to_string(i) + suffix));
  }
  ~Stage() {
    for (Ear& ear : ears_) router_.leave(ear);
  }

  // ns an event, median of many turns; events on `prefix`0, 1, ... of `topics` in turn.
  double publish(const std::string& prefix, std::size_t topics) {
    std::vector<double> all;
    std::size_t made = 0;
    for (std::size_t turn = 0; turn < turns; ++turn) {
      std::vector<EventPtr> events;
      for (std::size_t i = 0; i < turn_events; ++i, ++made) {
        const std::string topic = prefix + std::to_string(made % topics);
        Event::Fields fields;
        fields.topic = topic;
        fields.topic_hash = zws::topic_hash(topic);
        fields.topic_id = static_cast<std::uint32_t>(made % topics);
        fields.source = "k3v9x2m7qa";
        fields.seq = fields.last_seq = made / topics + 1;
        fields.received = std::chrono::steady_clock::now();
        events.push_back(
            Event::make(fields, std::vector<std::string_view>{std::string_view(frame_)}));
      }
      const double begin = cpu_ns();
      router_.publish(events);
      all.push_back((cpu_ns() - begin) / turn_events);
    }
    std::nth_element(all.begin(), all.begin() + turns / 2, all.end());
    return all[turns / 2];
  }

  // ns to subscribe to a topic that all others have too, and leave it again.
  double join_and_leave(const Pattern& what) {
    for (Ear& ear : ears_) router_.subscribe(ear, what);
    Ear one;
    const double begin = cpu_ns();
    for (std::size_t i = 0; i < turns; ++i) {
      router_.subscribe(one, what);
      router_.unsubscribe(one, what);
    }
    return (cpu_ns() - begin) / turns;
  }

 private:
  const std::string frame_ = std::string(200, 'x');
  zws::LaneMetrics metrics_;
  NoInterest interest_;
  zws::Router router_{interest_, metrics_};
  std::vector<Ear> ears_;
};

void print(const char* name, std::size_t size, double ns) {
  std::printf("{\"bench\":\"%s\",\"subscriptions\":%zu,\"ns\":%.1f}\n", name, size, ns);
}

}  // namespace

int main() {
  for (const std::size_t size : {1U, 1000U, 100'000U}) {
    Stage topics(size, "wanted:", "");
    print("unwanted, topics", size, topics.publish("other:", heard_topics));
    print("wanted by one, topics", size,
          topics.publish("wanted:", std::min<std::size_t>(size, heard_topics)));
    Stage patterns(size, "wanted:", ":*");
    print("unwanted, patterns", size, patterns.publish("other:", heard_topics));
    print("join and leave", size, topics.join_and_leave(pattern("shared")));
  }
  return 0;
}
