// AuditValve: lets one line of the audit a second pass of those that anybody may provoke, and tells how
// many it held back, so that none is hidden for good.
//
//   audit from="10.0.0.9" method="GET" path="/api/ws/stats" status=401 code="unauthorized" more=17
//   audit of="strangers" more=3
//
// Thread: any; a mutex for the length of a comparison. Lifetime: what is still held back is told at
// its end.
// Bound: two lines a second, of which one only counts.
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "core/clock.hpp"

namespace zws {

class AuditValve {
 public:
  explicit AuditValve(std::string_view whose) : whose_(whose) {}
  ~AuditValve();
  AuditValve(const AuditValve&) = delete;
  AuditValve& operator=(const AuditValve&) = delete;

  // Whether a line may be written now; `held_back` then says how many were not since the last.
  bool pass(std::uint64_t& held_back, SteadyTime now);

  // A line of those that were held back for a second, and that no other line has told of.
  void tell(SteadyTime now) noexcept;

 private:
  void write(std::uint64_t held_back) const noexcept;

  const std::string_view whose_;
  std::mutex mutex_;
  SteadyTime next_{};
  std::uint64_t held_back_ = 0;
};

// One for those without a valid token and one for those with one: neither hides the other.
struct AuditValves {
  AuditValve strangers{"strangers"};
  AuditValve users{"users"};

  void tell(SteadyTime now) noexcept {
    strangers.tell(now);
    users.tell(now);
  }
};

}  // namespace zws
