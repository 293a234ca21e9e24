// Envelope, the parser of one ZeroMQ message: its frames become an Arrival, or a reason why not.
//
//   [topic][payload]            the normal event
//   [topic][payload][header]    header: {"src":S,"seq":N,"ts":NS,"key":K}, any of them
//   [topic payload]             one frame, split at its first space
//   [topic][][payload]          an empty frame between them, as wrappers for REQ and DEALER put it there;
//                               unless the third frame is a header that has both `src` and `seq`
//
// Thread: one at a time; the buffers are reused. Cost: no allocation for a headerless message.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/sink.hpp"
#include "metrics/metrics.hpp"

namespace zws {

struct EnvelopeRules {
  std::size_t event_bytes = std::size_t{1} << 20;
  bool commands = true;  // @all and @user/<id> are taken from producers
};

class Envelope {
 public:
  struct Result {
    Arrival arrival;  // good when `rejected` is `count_`
    RejectReason rejected = RejectReason::count_;
    bool header_ignored = false;
    // The member that spoilt a header with `src` or `seq`, which is meant for us; else empty.
    std::string_view wrong_member;
  };

  Envelope();
  ~Envelope();

  void set_rules(const EnvelopeRules& rules) noexcept { rules_ = rules; }

  // Borrows `frames[0 .. count)` (at most 3 are looked at). The arrival's `source` and `key` are valid
  // until reset().
  Result open(const std::string_view* frames, std::size_t count);

  // Forgets the texts of the arrivals opened so far.
  void reset() noexcept;

 private:
  struct Header;

  bool has_number(std::string_view text);
  bool read_header(std::string_view text, Result& result);

  EnvelopeRules rules_;
  std::unique_ptr<Header> header_;
};

}  // namespace zws
