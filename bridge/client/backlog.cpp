#include "client/backlog.hpp"

#include <algorithm>
#include <cassert>

#include "core/json_text.hpp"
#include "core/topic.hpp"
#include "core/ws_frame.hpp"
#include "exchange/frame.hpp"

namespace zws {
namespace {

constexpr std::string_view reason = "slow_consumer";

std::uint32_t account_of(const Event& event) {
  return static_cast<std::uint32_t>(event.queued_bytes());
}

std::size_t digits(std::uint64_t number) noexcept {
  std::size_t count = 1;
  for (; number >= 10; number /= 10) ++count;
  return count;
}

}  // namespace

// --- what comes in -------------------------------------------------------------------------------

Backlog::Pushed Backlog::push(const EventPtr& event, std::size_t others, std::size_t& victims,
                              Full full) {
  // Markers alone fill it: nobody can be told more than that something is missing.
  if (full == Full::drop_arriving && too_many_markers()) return Pushed::untold;
  const std::uint32_t run = run_of(topic_of(*event), event->source());
  ++runs_[run].entries;  // keeps topic and run while the last entry changes
  const Pushed outcome = push_into(run, event, others, victims, full);
  let_go(run);
  return outcome;
}

Backlog::Pushed Backlog::push_into(std::uint32_t run, const EventPtr& event, std::size_t others,
                                   std::size_t& victims, Full full) {
  static_assert(sizeof(Entry) <= 56, "Event::place_bytes says so");
  const std::uint32_t bytes = account_of(*event);
  if (event->is_marker()) {
    append(event, Kind::event, run, bytes);
    return too_many_markers() && full == Full::disconnect ? Pushed::closing : Pushed::queued;
  }

  Pushed outcome = Pushed::queued;
  const bool conflates = event->overflow() == Overflow::conflate;
  if (conflates) {
    const auto waiting = keys_.find({runs_[run].topic, event->key()});
    if (waiting != keys_.end()) {
      ++topics_[runs_[run].topic].replaced;
      outcome = Pushed::replaced;
      remove(waiting->second);
    }
  }

  while (bytes_ + others > 0 && bytes_ + others + bytes > limit_) {
    const bool disconnects = event->overflow() == Overflow::disconnect;
    if (disconnects && full == Full::disconnect) return Pushed::closing;
    const bool made_room =
        !disconnects && event->overflow() != Overflow::drop_newest && drop_victim();
    if (made_room) {
      ++victims;
      // A marker may be larger than the event it stands for.
      if (too_many_markers()) return full == Full::disconnect ? Pushed::closing : Pushed::untold;
      continue;
    }
    dropped_topic_ = runs_[run].topic;
    mark_missing(run, *event);
    return too_many_markers() && full == Full::disconnect ? Pushed::closing : Pushed::dropped;
  }
  const std::uint32_t index = append(event, Kind::event, run, bytes);
  if (conflates) keys_.emplace(OfTopic{runs_[run].topic, event->key()}, index);
  return outcome;
}

void Backlog::push_kept(const EventPtr& event) {
  const std::uint32_t run = run_of(topic_of(*event), event->source());
  const std::uint32_t index = append(event, Kind::event, run, account_of(*event));
  entries_[index].kind = Kind::own;  // no later event of its key takes its place
  if (entries_[index].victim) remove_victim(index);
}

void Backlog::push_place(const EventPtr& place) {
  append(place, Kind::own, none, account_of(*place));
  ++stretch_;
}

// Pings and pongs go ahead of what waits: who reads slowly is asked and answered all the same.
void Backlog::push_own(std::string frame, bool pong) {
  if (pong && pong_ != none) remove(pong_);
  const bool ahead = pong || frame == FrameHeader(Opcode::ping, 0).bytes();
  const EventPtr own = Event::make(Event::Fields{}, std::vector<std::string_view>{frame});
  const std::uint32_t index = append(own, Kind::own, none, account_of(*own));
  if (pong) pong_ = index;
  if (!ahead || head_ == index) return;
  unlink(index);
  entries_[index].previous = none;
  entries_[index].next = head_;
  entries_[head_].previous = index;
  head_ = index;
}

std::uint32_t Backlog::append(EventPtr event, Kind kind, std::uint32_t run, std::uint32_t bytes) {
  std::uint32_t index = 0;
  if (free_entries_.empty()) {
    index = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    index = free_entries_.back();
    free_entries_.pop_back();
    entries_[index] = Entry{};
  }
  Entry& entry = entries_[index];
  entry.counted = kind == Kind::event && !event->is_marker();
  const bool may_go = entry.counted && (event->overflow() == Overflow::drop_oldest ||
                                        event->overflow() == Overflow::conflate);
  entry.marker = kind == Kind::marker || event->is_marker();
  entry.event = std::move(event);
  entry.kind = kind;
  entry.bytes = bytes;
  entry.run = run;
  entry.stretch = stretch_;
  entry.previous = tail_;
  (tail_ == none ? head_ : entries_[tail_].next) = index;
  tail_ = index;
  bytes_ += bytes;
  if (entry.marker) marker_bytes_ += bytes;
  if (entry.counted) ++events_;
  if (run == none) return index;

  Run& its_run = runs_[run];
  entry.run_previous = its_run.last;
  (its_run.last == none ? its_run.first : entries_[its_run.last].run_next) = index;
  its_run.last = index;
  ++its_run.entries;
  if (may_go) add_victim(index);
  return index;
}

// --- what goes -----------------------------------------------------------------------------------

bool Backlog::drop_victim() {
  if (heap_.empty() || topics_[heap_[0]].victim_bytes == 0) return false;
  dropped_topic_ = heap_[0];
  assert(topics_[dropped_topic_].first_victim != none);
  turn_into_marker(topics_[dropped_topic_].first_victim);
  return true;
}

void Backlog::turn_into_marker(std::uint32_t index) {
  Entry& entry = entries_[index];
  const EventPtr event = entry.event;
  const std::uint32_t run = entry.run;
  forget_key(entry, index);

  remove_victim(index);  // first, so that the counts are right whatever follows

  if (entry.run_previous != none && extend(entry.run_previous, *event, entry.stretch)) {
    remove(index);
    return;
  }
  entry.counted = false;
  --events_;
  entry.event = nullptr;
  entry.kind = Kind::marker;
  entry.missing = std::make_unique<Missing>(Missing{event->seq(), event->seq()});
  resize(entry, marker_bytes(runs_[run], *entry.missing));
  entry.marker = true;
  marker_bytes_ += entry.bytes;
}

void Backlog::mark_missing(std::uint32_t run, const Event& event) {
  const std::uint32_t last = runs_[run].last;
  if (last != none && extend(last, event, stretch_)) return;
  const Missing missing{event.seq(), event.seq()};
  const std::uint32_t index = append(nullptr, Kind::marker, run, marker_bytes(runs_[run], missing));
  entries_[index].missing = std::make_unique<Missing>(missing);
}

bool Backlog::extend(std::uint32_t index, const Event& event, std::uint32_t stretch) {
  Entry& entry = entries_[index];
  if (!entry.missing || entry.missing->to + 1 != event.seq() || entry.stretch != stretch)
    return false;
  entry.missing->to = event.seq();
  resize(entry, marker_bytes(runs_[entry.run], *entry.missing));
  return true;
}

void Backlog::resize(Entry& entry, std::uint32_t bytes) {
  bytes_ += bytes;
  bytes_ -= entry.bytes;
  if (entry.marker) marker_bytes_ += bytes - entry.bytes;  // a marker only grows
  entry.bytes = bytes;
}

std::uint32_t Backlog::marker_bytes(const Run& run, const Missing& missing) const {
  static const std::size_t fixed =
      gap_text("", "", 0, 0, 0, reason).size() - 2 /* "" of the topic */ - 3 /* the zeros */;
  const std::size_t text = fixed + topics_[run.topic].json_bytes + run.source.size() +
                           digits(missing.from) + digits(missing.to) +
                           digits(missing.to - missing.from + 1);
  const std::size_t frame = text + (text <= 125 ? 2 : 4);
  return static_cast<std::uint32_t>(Event::place_bytes + topics_[run.topic].name.size() +
                                    run.source.size() + frame);
}

void Backlog::put_into_words(Entry& entry) {
  const Run& run = runs_[entry.run];
  Event::Fields fields;
  fields.topic = topics_[run.topic].name;
  fields.topic_hash = topic_hash(fields.topic);
  fields.source = run.source;
  fields.seq = entry.missing->from;
  fields.last_seq = entry.missing->to;
  entry.event = Renderer::gap(fields, reason);
  entry.missing.reset();
  entry.kind = Kind::own;
  assert(entry.bytes == account_of(*entry.event));
}

// --- what is written -----------------------------------------------------------------------------

std::size_t Backlog::peek(std::string_view* frames, std::size_t max) {
  std::size_t count = 0;
  for (std::uint32_t i = head_; i != none && count < max; i = entries_[i].next) {
    if (entries_[i].missing) put_into_words(entries_[i]);
    frames[count++] = entries_[i].event->frame();
  }
  return count;
}

EventPtr Backlog::pop() {
  assert(head_ != none);
  Entry& entry = entries_[head_];
  if (entry.missing) put_into_words(entry);
  EventPtr event = entry.event;
  remove(head_);
  return event;
}

std::size_t Backlog::drop_events() {
  const std::size_t before = events_;
  for (std::uint32_t index = head_; index != none;) {
    const std::uint32_t next = entries_[index].next;
    if (entries_[index].kind != Kind::own || entries_[index].marker) remove(index);
    index = next;
  }
  return before - events_;
}

void Backlog::remove(std::uint32_t index) {
  Entry& entry = entries_[index];
  forget_key(entry, index);
  if (index == pong_) pong_ = none;
  unlink(index);
  bytes_ -= entry.bytes;
  if (entry.marker) marker_bytes_ -= entry.bytes;
  if (entry.counted) --events_;
  const std::uint32_t run = entry.run;
  if (entry.victim) remove_victim(index);
  entry = Entry{};
  free_entries_.push_back(index);
  if (run != none) let_go(run);
}

void Backlog::unlink(std::uint32_t index) {
  const Entry& entry = entries_[index];
  (entry.previous == none ? head_ : entries_[entry.previous].next) = entry.next;
  (entry.next == none ? tail_ : entries_[entry.next].previous) = entry.previous;
  if (entry.run == none) return;
  Run& run = runs_[entry.run];
  (entry.run_previous == none ? run.first : entries_[entry.run_previous].run_next) = entry.run_next;
  (entry.run_next == none ? run.last : entries_[entry.run_next].run_previous) = entry.run_previous;
}

// The newest of its topic's victims: entries are appended in order.
void Backlog::add_victim(std::uint32_t index) {
  Entry& entry = entries_[index];
  const std::uint32_t its_topic = runs_[entry.run].topic;
  Topic& topic = topics_[its_topic];
  entry.victim = true;
  entry.victim_previous = topic.last_victim;
  (topic.last_victim == none ? topic.first_victim : entries_[topic.last_victim].victim_next) =
      index;
  topic.last_victim = index;
  change_victim_bytes(its_topic, entry.bytes);
}

void Backlog::remove_victim(std::uint32_t index) {
  Entry& entry = entries_[index];
  const std::uint32_t its_topic = runs_[entry.run].topic;
  Topic& topic = topics_[its_topic];
  entry.victim = false;
  (entry.victim_previous == none ? topic.first_victim
                                 : entries_[entry.victim_previous].victim_next) = entry.victim_next;
  (entry.victim_next == none ? topic.last_victim : entries_[entry.victim_next].victim_previous) =
      entry.victim_previous;
  change_victim_bytes(its_topic, -static_cast<std::ptrdiff_t>(entry.bytes));
}

// --- keys, topics and runs -----------------------------------------------------------------------

void Backlog::forget_key(const Entry& entry, std::uint32_t index) {
  if (entry.kind != Kind::event || !entry.event || entry.event->overflow() != Overflow::conflate ||
      entry.event->is_marker())
    return;
  const auto known = keys_.find({runs_[entry.run].topic, entry.event->key()});
  if (known != keys_.end() && known->second == index) keys_.erase(known);
}

std::uint32_t Backlog::topic_of(const Event& event) {
  const auto [known, added] = topic_index_.try_emplace(std::string(event.topic()), 0);
  if (!added) return known->second;
  std::uint32_t index = 0;
  if (free_topics_.empty()) {
    index = static_cast<std::uint32_t>(topics_.size());
    topics_.emplace_back();
  } else {
    index = free_topics_.back();
    free_topics_.pop_back();
    topics_[index] = Topic{};
  }
  known->second = index;
  topics_[index].name = known->first;
  topics_[index].json_bytes = static_cast<std::uint32_t>(json_string(known->first).size());
  heap_.push_back(index);
  place(heap_.size() - 1, index);
  return index;
}

std::uint32_t Backlog::run_of(std::uint32_t topic, std::string_view source) {
  const auto known = run_index_.find({topic, source});
  if (known != run_index_.end()) return known->second;
  std::uint32_t index = 0;
  if (free_runs_.empty()) {
    index = static_cast<std::uint32_t>(runs_.size());
    runs_.emplace_back();
  } else {
    index = free_runs_.back();
    free_runs_.pop_back();
  }
  runs_[index].source = source;
  runs_[index].topic = topic;
  ++topics_[topic].runs;
  run_index_.emplace(OfTopic{topic, runs_[index].source}, index);
  return index;
}

// One entry of the run less; with its last one the run is forgotten.
void Backlog::let_go(std::uint32_t run) {
  Run& its_run = runs_[run];
  if (--its_run.entries > 0) return;
  const std::uint32_t topic = its_run.topic;
  run_index_.erase({topic, its_run.source});
  its_run = Run{};
  free_runs_.push_back(run);
  if (--topics_[topic].runs == 0) release_topic(topic);
}

void Backlog::release_topic(std::uint32_t topic) {
  Topic& gone = topics_[topic];
  if (gone.replaced != 0) replaced_[gone.name] += gone.replaced;
  heap_remove(topic);
  topic_index_.erase(gone.name);
  gone = Topic{};
  free_topics_.push_back(topic);
}

Backlog::Replaced Backlog::take_replaced() {
  for (const auto& known : topic_index_) {
    Topic& topic = topics_[known.second];
    if (topic.replaced != 0) replaced_[topic.name] += topic.replaced;
    topic.replaced = 0;
  }
  return std::exchange(replaced_, {});
}

// --- the heap of topics, most droppable bytes first ----------------------------------------------

void Backlog::change_victim_bytes(std::uint32_t topic, std::ptrdiff_t by) {
  topics_[topic].victim_bytes += static_cast<std::size_t>(by);
  sift(topics_[topic].heap_place);
}

void Backlog::place(std::size_t heap_place, std::uint32_t topic) {
  heap_[heap_place] = topic;
  topics_[topic].heap_place = heap_place;
}

void Backlog::sift(std::size_t at) {
  const std::uint32_t moving = heap_[at];
  const std::size_t weight = topics_[moving].victim_bytes;
  while (at > 0 && topics_[heap_[(at - 1) / 2]].victim_bytes < weight) {
    place(at, heap_[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() &&
        topics_[heap_[child + 1]].victim_bytes > topics_[heap_[child]].victim_bytes)
      ++child;
    if (topics_[heap_[child]].victim_bytes <= weight) break;
    place(at, heap_[child]);
    at = child;
  }
  place(at, moving);
}

void Backlog::heap_remove(std::uint32_t topic) {
  const std::size_t at = topics_[topic].heap_place;
  const std::uint32_t last = heap_.back();
  heap_.pop_back();
  if (last == topic) return;
  place(at, last);
  sift(at);
}

}  // namespace zws
