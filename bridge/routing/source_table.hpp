// SourceTable: which events of which source have been seen on each topic, and what comes next.
//
// Thread: one at a time (Intake's mutex).
// Bounds: `topics_max` topics and `sources_max` sources on each; those heard from longest ago are
// forgotten. Cost: O(1) and a short scan over the topic's sources; no allocation for a known source.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/route_table.hpp"
#include "core/sink.hpp"

namespace zws {

struct Judgement {
  bool duplicate = false;         // not above the newest: drop it
  bool restart = false;           // seq 1 sent later than the newest: the source began again
  std::uint64_t missed_from = 0;  // > 0: missed_from .. seq-1 never came
  std::string_view source;        // valid until the next judge()
  std::uint64_t seq = 0;
  const Route* route = nullptr;
};

class SourceTable {
 public:
  // `own_source` names this life of the bridge; it numbers what comes without a header.
  SourceTable(std::string own_source, std::size_t topics_max, std::size_t sources_max,
              const RouteTable& routes);
  ~SourceTable();

  // Judges one arrival and moves the source on (a duplicate moves nothing).
  Judgement judge(const Arrival& arrival, std::uint64_t topic_hash);

  // Asks `routes` again from now on; it must outlive the table.
  void reload(std::size_t topics_max, std::size_t sources_max, const RouteTable& routes);

  std::size_t topics() const noexcept;

 private:
  struct Topic;
  struct Index;

  Topic& topic(std::string_view name, std::uint64_t hash);
  void forget_oldest();
  Judgement number(Topic& topic);
  Judgement follow(Topic& topic, const Arrival& arrival);
  void unlink(Topic& topic) noexcept;
  void link_newest(Topic& topic) noexcept;

  const std::string own_source_;
  std::size_t topics_max_;
  std::size_t sources_max_;
  const RouteTable* routes_;
  std::unique_ptr<Index> index_;
  Topic* oldest_ = nullptr;
  Topic* newest_ = nullptr;
  std::uint32_t forgotten_ = 0;  // topics forgotten so far: a forgotten topic's numbers start anew,
                                 // so they must come under another name
  std::uint64_t heard_ = 0;
  std::string name_;  // of the bridge's own source on the topic just judged
};

}  // namespace zws
