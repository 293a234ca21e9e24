// BenchTopics: the names of one run's topics, and who follows which.
//
// Names begin with a mark of the run, so that one run never hears or resumes another's events.
// Thread: any; immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/load.hpp"

namespace zws::tool {

class BenchTopics {
 public:
  BenchTopics(const Load& load, const std::string& run)
      : clients_(load.clients), topics_(load.topics), patterns_(load.patterns) {
    names_.reserve(topics_);
    for (std::uint32_t k = 0; k < topics_; ++k) {
      names_.push_back("b:" + run + ":" + std::to_string(k) + (patterns_ ? ":x" : ""));
    }
  }

  std::uint32_t count() const noexcept { return topics_; }
  const std::string& name(std::uint32_t topic) const noexcept { return names_[topic]; }

  // What is asked for in order to receive `topic` and no other.
  std::string subscription(std::uint32_t topic) const {
    std::string name = names_[topic];
    if (patterns_) name.back() = '*';
    return name;
  }

  // One follower for each subscription of each client.
  bool one_each() const noexcept { return topics_ <= clients_; }
  std::uint32_t followers() const noexcept { return one_each() ? clients_ : topics_; }
  std::uint32_t followers_of(std::uint32_t topic) const noexcept {
    return one_each() ? clients_ / topics_ + (topic < clients_ % topics_ ? 1 : 0) : 1;
  }
  std::uint32_t first_topic(std::uint32_t client) const noexcept { return client % topics_; }
  std::uint32_t topic_of(std::uint32_t follower) const noexcept {
    return one_each() ? follower % topics_ : follower;
  }
  std::uint32_t client_of(std::uint32_t follower) const noexcept {
    return one_each() ? follower : follower % clients_;
  }
  std::vector<std::uint32_t> topics_of(std::uint32_t client) const {
    if (one_each()) return {first_topic(client)};
    std::vector<std::uint32_t> all;
    for (std::uint32_t k = client; k < topics_; k += clients_) all.push_back(k);
    return all;
  }

 private:
  std::uint32_t clients_;
  std::uint32_t topics_;
  bool patterns_;
  std::vector<std::string> names_;
};

}  // namespace zws::tool
