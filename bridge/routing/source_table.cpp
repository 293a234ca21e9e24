#include "routing/source_table.hpp"

#include <tsl/hopscotch_map.h>

#include <algorithm>

namespace zws {

struct SourceTable::Topic {
  struct Source {
    std::string name;
    std::uint64_t newest = 0;
    std::int64_t newest_ns = 0;
    std::uint64_t heard = 0;
  };

  std::string name;
  std::uint64_t hash = 0;
  const Route* route = nullptr;
  Topic* older = nullptr;
  Topic* newer = nullptr;
  std::uint64_t own_seq = 0;
  std::uint32_t generation = 0;  // `forgotten_` when the topic was first heard of
  std::vector<Source> sources;
};

struct SourceTable::Index {
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept {
      return std::hash<std::string_view>{}(name);
    }
  };
  tsl::hopscotch_map<std::string_view, std::unique_ptr<Topic>, Hash, std::equal_to<>> topics;
};

SourceTable::SourceTable(std::string own_source, std::size_t topics_max, std::size_t sources_max,
                         const RouteTable& routes)
    : own_source_(std::move(own_source)),
      topics_max_(topics_max),
      sources_max_(sources_max),
      routes_(&routes),
      index_(std::make_unique<Index>()) {}

SourceTable::~SourceTable() = default;

std::size_t SourceTable::topics() const noexcept { return index_->topics.size(); }

void SourceTable::reload(std::size_t topics_max, std::size_t sources_max,
                         const RouteTable& routes) {
  topics_max_ = topics_max;
  sources_max_ = sources_max;
  routes_ = &routes;
  for (auto& entry : index_->topics) entry.second->route = nullptr;
  while (index_->topics.size() > topics_max_) forget_oldest();
}

Judgement SourceTable::judge(const Arrival& arrival, std::uint64_t topic_hash) {
  Topic& known = topic(arrival.topic, topic_hash);
  Judgement judgement = arrival.source.empty() ? number(known) : follow(known, arrival);
  if (known.route == nullptr) known.route = &routes_->match(known.name);
  judgement.route = known.route;
  return judgement;
}

SourceTable::Topic& SourceTable::topic(std::string_view name, std::uint64_t hash) {
  const auto found = index_->topics.find(name, static_cast<std::size_t>(hash));
  if (found != index_->topics.end()) {
    Topic& known = *found->second;
    if (&known != newest_) {
      unlink(known);
      link_newest(known);
    }
    return known;
  }
  if (index_->topics.size() >= topics_max_) forget_oldest();
  auto made = std::make_unique<Topic>();
  made->name = name;
  made->hash = hash;
  made->generation = forgotten_;
  Topic& added = *made;
  index_->topics.emplace(std::string_view(added.name), std::move(made));
  link_newest(added);
  return added;
}

void SourceTable::forget_oldest() {
  if (oldest_ == nullptr) return;
  Topic& gone = *oldest_;
  unlink(gone);
  ++forgotten_;
  const std::string name = gone.name;  // the key is a view of the entry that dies
  index_->topics.erase(std::string_view(name), static_cast<std::size_t>(gone.hash));
}

Judgement SourceTable::number(Topic& topic) {
  Judgement judgement;
  name_ = own_source_;
  if (topic.generation != 0) name_ += '-' + std::to_string(topic.generation);
  judgement.source = name_;
  judgement.seq = ++topic.own_seq;
  return judgement;
}

Judgement SourceTable::follow(Topic& topic, const Arrival& arrival) {
  Judgement judgement;
  judgement.source = arrival.source;
  judgement.seq = arrival.seq;
  auto source = std::find_if(topic.sources.begin(), topic.sources.end(),
                             [&](const Topic::Source& s) { return s.name == arrival.source; });
  if (source == topic.sources.end()) {
    if (topic.sources.size() >= sources_max_) {
      topic.sources.erase(std::min_element(
          topic.sources.begin(), topic.sources.end(),
          [](const Topic::Source& a, const Topic::Source& b) { return a.heard < b.heard; }));
    }
    topic.sources.push_back({std::string(arrival.source), 0, 0, 0});
    source = topic.sources.end() - 1;
  } else if (arrival.seq <= source->newest) {
    judgement.restart =
        arrival.seq == 1 && source->newest_ns != 0 && arrival.sent_ns > source->newest_ns;
    judgement.duplicate = !judgement.restart;
    if (judgement.duplicate) return judgement;
  } else if (arrival.seq > source->newest + 1) {
    judgement.missed_from = source->newest + 1;
  }
  source->newest = arrival.seq;
  source->newest_ns = arrival.sent_ns;
  source->heard = ++heard_;
  return judgement;
}

void SourceTable::unlink(Topic& topic) noexcept {
  (topic.older != nullptr ? topic.older->newer : oldest_) = topic.newer;
  (topic.newer != nullptr ? topic.newer->older : newest_) = topic.older;
  topic.older = topic.newer = nullptr;
}

void SourceTable::link_newest(Topic& topic) noexcept {
  topic.older = newest_;
  (newest_ != nullptr ? newest_->newer : oldest_) = &topic;
  newest_ = &topic;
}

}  // namespace zws
