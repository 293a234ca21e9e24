// Wants: the questions to publishers that are outstanding, and who of them has more to be asked for.
//
// Thread: one at a time.
// Bounds: 16 wants of a publisher and 64 in all, and 64 more, one of each publisher that has no other, so that
// a few who are slow do not take all; of each of these the last quarter is for topics on which events wait.
// Those given up are known a while longer (256 in all), as their answers may still come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/clock.hpp"
#include "ingest/streams.hpp"

namespace zws {

// How a message to a publisher fared.
enum class Sent : std::uint8_t { sent, full, gone };

// Where questions to publishers go.
class Asker {
 public:
  virtual ~Asker() = default;
  // None of them blocks. `id` is the connection's.
  virtual Sent hello(const std::string& id) noexcept = 0;
  virtual Sent want(const std::string& id, std::string_view source, std::string_view topic,
                    SeqRange range) noexcept = 0;
  // Something that is ignored: whether it can be sent tells whether the connection is there.
  virtual Sent nothing(const std::string& id) noexcept = 0;
};

struct AskedPublisher {
  std::string id;
  SteadyTime since{};
  std::vector<RepairSource*> sources;  // that it owns
  std::deque<std::uint64_t> urgent;  // ids of streams to be asked for: events wait behind the hole
  std::deque<std::uint64_t> idle;    // ... nothing waits
  std::size_t wants = 0;             // outstanding
  SteadyTime tried{};                // with nothing, the last time
  SteadyTime full_until{};           // nothing more can be sent to it for now
  SteadyTime answered{};             // the last time
  bool deaf = false;                 // it did not answer, and is asked no more
  SteadyTime deaf_until{};           // ... and what it says before counts for nothing
  bool greeted_again = false;        // ... since then
  unsigned silences = 0;             // in a row
  bool refused = false;              // it spoke of a source of another connection
  bool gone = false;                 // its connection is, and it is lost soon
};

struct Want {
  AskedPublisher* publisher = nullptr;
  std::uint64_t stream = 0;
  std::string topic;
  std::string source;
  SeqRange range;
  SteadyTime sent{};
  bool given_up = false;  // it counts no more; an answer may still be of use
  std::uint64_t answered_to = 0;
};

class Wants {
 public:
  static constexpr std::size_t of_publisher_max = 16;
  static constexpr std::size_t in_all_max = 64;
  static constexpr std::size_t first_ones_max = 64;  // beyond these
  static constexpr std::size_t events_max = 1000;    // of one want

  bool room_for(const AskedPublisher& publisher, bool urgent) const noexcept;
  void add(Want want);
  // Of the publisher, and of this number of the stream, rather an outstanding one; nullptr if it was not
  // asked for.
  Want* find(const AskedPublisher& publisher, std::uint64_t stream, std::uint64_t seq) noexcept;
  // Takes out the one that is answered, rather an outstanding one; false if there is none.
  bool take(const AskedPublisher& publisher, std::string_view source, std::string_view topic,
            SeqRange range, Want& want);
  // Whether an outstanding one asks for some of it.
  bool ask_for(std::uint64_t stream, SeqRange range) const noexcept;
  // It is outstanding no more.
  void give_up(Want& want) noexcept;
  // Of a connection that is gone; of a stream. Answers to them are none.
  void drop_all(const AskedPublisher& publisher) noexcept;
  void drop_all(std::uint64_t stream) noexcept;
  std::vector<Want>& all() noexcept { return wants_; }
  const std::vector<Want>& all() const noexcept { return wants_; }

 private:
  static constexpr std::size_t known_max = 256;

  template <typename Which>
  void drop(Which which) noexcept;

  std::vector<Want> wants_;
  std::size_t outstanding_ = 0;
};

}  // namespace zws
