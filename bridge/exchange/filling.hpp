// Filling: what of an archive's past of a topic joins the topic's history, and what may be resumed then.
//
// It says what is to be put in front and how each source stands afterwards; TopicHistory does it.
//
// Thread: one at a time (the exchange's mutex). Lifetime: borrows what it is made of.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "exchange/event_ring.hpp"
#include "exchange/past.hpp"
#include "exchange/source_runs.hpp"
#include "exchange/topic_history.hpp"

namespace zws {

class Filling {
 public:
  // How a source stands when the events of chosen() are there.
  struct Outcome {
    const PastSource* of = nullptr;
    std::size_t place = SourceRuns::none;  // among the runs that are known
    std::uint64_t newest = 0;
    std::uint64_t first = 0;
    std::uint64_t proof = 0;
    std::size_t begin = 0;  // of its events those that join: begin .. end-1
    std::size_t end = 0;
  };

  Filling(const PastOfTopic& past, const Retention& retention, const SourceRuns& runs,
          const EventRing& ring);

  // False where there is nothing that was not known, or where it would be known twice.
  bool adds() const noexcept { return adds_ && !clashes_; }
  std::size_t fresh_sources() const noexcept { return fresh_; }
  // What is to be put in front, the oldest first.
  const std::vector<EventPtr>& chosen() const noexcept { return chosen_; }
  const std::vector<Outcome>& outcomes() const noexcept { return outcomes_; }

 private:
  struct Offer {
    EventPtr event;
    std::size_t outcome;
  };

  void judge(const PastSource& source, std::uint64_t heard, bool kept_before);
  std::uint64_t proof_of(const Outcome& outcome) const noexcept;
  void choose();
  std::vector<bool> kept_before() const;
  bool is_before_its_run(const Retained& each, std::size_t place) const noexcept;

  const PastOfTopic& past_;
  const Retention& retention_;
  const SourceRuns& runs_;
  const EventRing& ring_;
  std::vector<Outcome> outcomes_;
  std::vector<EventPtr> chosen_;
  std::size_t fresh_ = 0;
  bool adds_ = false;
  bool clashes_ =
      false;  // events are here of a source that is not known any more, or more than can be seen
};

}  // namespace zws
