// What History costs: ns for recording one event and for one resume, bytes kept beside each event.
// Prints one JSON object a line.
//
//   history_bench
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/topic.hpp"
#include "exchange/history.hpp"
#include "exchange/topics.hpp"

namespace {

using zws::Event;
using zws::EventPtr;
using zws::History;
using zws::Topics;

constexpr std::size_t no_limit = std::size_t{1} << 40;

std::shared_ptr<zws::Config> config(std::size_t bytes = no_limit) {
  auto made = std::make_shared<zws::Config>();
  made->history.bytes = bytes;
  return made;
}

// Makes events of 200 bytes on `topics` topics in turn.
class EventMaker {
 public:
  explicit EventMaker(std::size_t topics) : topics_(topics) {}

  EventPtr next() {
    const std::string topic = "import:task-" + std::to_string(made_ % topics_);
    Event::Fields fields;
    fields.topic = topic;
    fields.topic_hash = zws::topic_hash(topic);
    fields.topic_id = static_cast<std::uint32_t>(made_ % topics_);
    fields.source = "k3v9x2m7qa";
    fields.seq = fields.last_seq = made_++ / topics_ + 1;
    fields.received = std::chrono::steady_clock::now();
    return Event::make(fields, std::vector<std::string_view>{frame_});
  }

 private:
  const std::size_t topics_;
  const std::string frame_ = std::string(200, 'x');
  std::size_t made_ = 0;
};

// CPU time of this thread, so that what else the machine does stays out of it as far as can be.
double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

// What a piece of work of `size` steps cost each time: one step's median, the worst piece.
class Costs {
 public:
  explicit Costs(std::size_t size) : size_(size) {}

  template <typename Work>
  void time(Work&& work) {
    const double begin = cpu_ns();
    work();
    pieces_.push_back(cpu_ns() - begin);
  }

  void print(const std::string& name) {
    std::sort(pieces_.begin(), pieces_.end());
    const double step = pieces_[pieces_.size() / 2] / static_cast<double>(size_);
    std::printf("{\"bench\":\"%s\",\"ns\":%.1f,\"worst_%zu_us\":%.1f}\n", name.c_str(), step, size_,
                pieces_.back() / 1000);
  }

 private:
  const std::size_t size_;
  std::vector<double> pieces_;
};

// Records `per_topic` events on each topic. Returns what the events themselves take.
std::size_t fill(History& history, std::size_t topics, std::size_t per_topic) {
  EventMaker maker(topics);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < topics * per_topic; ++i) {
    const EventPtr event = maker.next();
    bytes += event->memory_bytes();
    history.record(event);
  }
  return bytes;
}

// Full rings: each event pushes one out. Events come in batches, just made, as a drain brings them.
// `held`: another lane still holds what goes, else it is freed here.
void record(std::size_t topics, std::size_t per_topic, bool held) {
  constexpr std::size_t batch = 256;
  constexpr std::size_t count = 1'000'000;
  const auto rule = config();
  rule->history.size = per_topic;
  Topics all_topics;
  History history(rule, all_topics);
  EventMaker maker(topics);
  for (std::size_t i = 0; i < topics * per_topic; ++i) history.record(maker.next());
  std::deque<EventPtr> others;
  Costs costs(batch);
  for (std::size_t done = 0; done < count; done += batch) {
    std::vector<EventPtr> events;
    for (std::size_t i = 0; i < batch; ++i) events.push_back(maker.next());
    if (held) others.insert(others.end(), events.begin(), events.end());
    costs.time([&] {
      for (EventPtr& event : events) history.record(std::exchange(event, nullptr));
    });
    while (others.size() > topics * per_topic + batch) others.pop_front();
  }
  costs.print("record/" + std::to_string(topics) + "_topics_of_" + std::to_string(per_topic) +
              (held ? "" : "_and_free"));
}

// Every event on a topic never heard of before; at the bound, each also pushes a topic out.
void record_new_topics(std::size_t bytes, const std::string& name) {
  constexpr std::size_t batch = 256;
  constexpr std::size_t count = 1'000'000;
  Topics all_topics;
  History history(config(bytes), all_topics);
  EventMaker maker(count * 2);
  Costs costs(batch);
  for (std::size_t done = 0; done < count; done += batch) {
    std::vector<EventPtr> events;
    for (std::size_t i = 0; i < batch; ++i) events.push_back(maker.next());
    costs.time([&] {
      for (EventPtr& event : events) history.record(std::exchange(event, nullptr));
    });
  }
  costs.print(name);
  std::printf("{\"bench\":\"%s\",\"topics\":%zu,\"bytes\":%zu}\n", name.c_str(), history.topics(),
              history.bytes());
}

void resume() {
  Topics all_topics;
  History history(config(), all_topics);
  fill(history, 1000, 100);
  const auto bench = [&](const std::string& name, std::uint64_t seq) {
    Costs costs(1);
    for (std::size_t i = 0; i < 20'000; ++i) {
      const std::string topic = "import:task-" + std::to_string(i % 1000);
      const std::vector<zws::Position> since{{"k3v9x2m7qa", seq}};
      costs.time([&] {
        if (!history.recover(topic, since, 1000, 1 << 20).recovered) std::puts("not recovered");
      });
    }
    costs.print(name);
  };
  bench("resume/100_events", 0);
  bench("resume/nothing_missed", 100);
}

// 100,000 topics, and a client that comes back with a pattern.
void patterns() {
  Topics all_topics;
  History history(config(), all_topics);
  fill(history, 100'000, 2);
  const auto bench = [&](const std::string& name, const char* text, std::size_t known) {
    const zws::Pattern pattern = *zws::Pattern::parse(text);
    std::vector<zws::TopicPosition> since;
    for (std::size_t i = 0; i < known; ++i)
      since.push_back({"import:task-" + std::to_string(77000 + i), {{"k3v9x2m7qa", 1}}});
    Costs resumes(1);
    Costs newest(1);
    bool recovered = true;
    for (int i = 0; i < 200; ++i) {
      resumes.time([&] { recovered = history.recover(pattern, since, 1000, 1 << 20).recovered; });
      newest.time([&] { history.newest(pattern, 1, 1 << 20); });
    }
    resumes.print("resume_pattern/" + name + (recovered ? "" : "/not_recovered"));
    newest.print("newest_pattern/" + name);
  };
  bench("100_of_100000_topics", "import:task-770*", 100);
  bench("all_of_100000_topics", "import:*", 100);
  bench("100000_topics_compared", "*:task-7700", 0);
}

void memory(std::size_t topics, std::size_t per_topic) {
  Topics all_topics;
  History history(config(), all_topics);
  const std::size_t events_bytes = fill(history, topics, per_topic);
  const std::size_t kept = history.bytes() - events_bytes;
  std::printf("{\"bench\":\"memory/%zu_topics_of_%zu\",\"bytes_beside_an_event\":%.1f}\n", topics,
              per_topic, static_cast<double>(kept) / static_cast<double>(topics * per_topic));
}

}  // namespace

int main() {
  record(1, 100, true);
  record(100, 100, true);
  record(1000, 100, true);
  record(1000, 100, false);
  record(1000, 1, true);
  record(100'000, 2, true);
  record_new_topics(no_limit, "record/new_topics");
  record_new_topics(std::size_t{64} << 20, "record/new_topics_at_64_MiB");
  resume();
  patterns();
  memory(1000, 100);
  memory(100'000, 1);
  return 0;
}
