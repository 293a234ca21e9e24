// Streams: what repair knows of each source on each topic: how far it has come, and, where something is
// missing, what is held back behind the hole and what is still to be asked for.
//
// Thread: one at a time. Bound: set_bytes_max(), with what is to be asked for of each, 280 bytes or so a stream;
// past it the streams heard from longest ago are forgotten (their owner is asked first what becomes of what they
// hold).
// Cost: one look-up; no allocation for a stream that is known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/clock.hpp"
#include "core/keyed_hash.hpp"
#include "core/numbering.hpp"
#include "core/sink.hpp"

namespace zws {

struct AskedPublisher;

// A source, on whatever topics it is.
struct RepairSource {
  enum class State : std::uint8_t {
    unheard,  // its publisher has said nothing yet, and nothing has waited for that
    waiting,  // ... and something does, until `until`
    mute,     // its publisher cannot be asked, as far as is known
    asked,    // `owner` can
  };

  std::string name;
  State state = State::unheard;
  SteadyTime until{};
  AskedPublisher* owner = nullptr;
  SteadyTime said{};  // when its publisher spoke of it last
  std::size_t streams = 0;
  bool heard = false;   // live; not only spoken of
  bool spoke = false;   // its publisher, ever
  bool forgot = false;  // one of its streams: what was heard of one that is not known is not known
};

// An event that waits, copied.
struct HeldEvent {
  std::uint64_t seq = 0;
  std::string payload;
  std::string key;
  std::int64_t sent_ns = 0;
  std::uint64_t connection = Arrival::no_connection;
  SteadyTime until{};
  HeldEvent* earlier = nullptr;  // as they came
  HeldEvent* later = nullptr;
};

struct SeqRange {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

// What came behind a hole: never empty.
struct HeldBack {
  std::multimap<std::uint64_t, HeldEvent> events;  // by seq
  HeldEvent* earliest = nullptr;
  HeldEvent* latest = nullptr;
  bool awaits_publisher = false;  // what is missing can only then be asked for
  SteadyTime deadline{};          // when it is to be looked at
  std::uint64_t order = 0;        // of those with one deadline: as they came
};

// What is still to be asked for.
struct ToAsk {
  std::vector<SeqRange> ranges;  // rising
  bool queued_urgent = false;    // among its publisher's
  bool queued_idle = false;
};

struct RepairStream {
  std::uint64_t id = 0;
  std::string topic;
  RepairSource* source = nullptr;
  RepairStream* older = nullptr;
  RepairStream* newer = nullptr;
  // Together, as there are many streams.
  bool recent = false;  // heard since it was last looked at for forgetting
  bool begun = false;   // HoldBack's: it is known what its first event is
  bool late = false;    // Publishers': whether `said_to` has come is looked at soon

  // HoldBack writes these,
  Numbering numbers;              // of what was handed on
  std::uint64_t repaired_to = 0;  // the highest that came as an answer
  std::unique_ptr<HeldBack> held;

  // and Publishers these.
  std::uint64_t asked_to = 0;   // what is not above it was asked for, or need not be
  std::uint64_t kept_from = 0;  // its publisher has nothing before; 0: it has not said so
  std::uint64_t said_to = 0;    // what its publisher has sent, as it said last
  std::unique_ptr<ToAsk> to_ask;
};

class Streams {
 public:
  // `on_forget` lets go of what a stream holds.
  explicit Streams(std::function<void(RepairStream&)> on_forget);
  ~Streams();

  void set_bytes_max(std::size_t bytes) noexcept { bytes_max_ = bytes; }
  bool full() const noexcept { return bytes_ >= bytes_max_; }
  std::size_t bytes() const noexcept { return bytes_; }

  RepairStream* find(std::string_view topic, std::string_view source) const noexcept;
  RepairStream* find(std::uint64_t id) const noexcept;

  // One that is not known; where there is no room others are forgotten for it.
  RepairStream& add(std::string_view topic, RepairSource& source);

  // Made if it is not known; lives as long as it has a stream or an owner.
  RepairSource& source(std::string_view name);
  void let_go_if_unused(RepairSource& source) noexcept;

  template <typename Visitor>
  void each(Visitor visit) {
    for (RepairStream* stream = oldest_; stream != nullptr; stream = stream->newer) visit(*stream);
  }

 private:
  static std::uint64_t id_of(std::string_view topic, std::string_view source) noexcept;
  static std::size_t bytes_of(const RepairStream& stream) noexcept;
  void make_room();
  void forget(RepairStream& stream);
  void link(RepairStream& stream) noexcept;
  void unlink(RepairStream& stream) noexcept;

  const std::function<void(RepairStream&)> on_forget_;
  // Whoever finds one may write to it.
  mutable std::unordered_map<std::uint64_t, RepairStream> streams_;
  std::unordered_map<std::string, std::unique_ptr<RepairSource>, KeyedHash> sources_;
  RepairStream* oldest_ = nullptr;
  RepairStream* newest_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t bytes_max_ = std::size_t{64} << 20;
};

}  // namespace zws
