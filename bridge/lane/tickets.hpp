// Tickets: the numbers by which a lane's sessions are found again after a wait. A number is never used again,
// so who has left is not taken for who came later.
//
// Thread: its lane only. Cost: each call O(1), whatever the number of sessions; 16 bytes for each of the
// most that there were at once.
#pragma once

#include <cstdint>
#include <vector>

namespace zws {

class Session;

class Tickets {
 public:
  std::uint64_t give(Session& session);
  void take_back(std::uint64_t ticket) noexcept;
  // Null for one that was taken back, or never given.
  Session* find(std::uint64_t ticket) const noexcept;

 private:
  // A ticket is a number, counted up, and behind it the place in this list.
  static constexpr unsigned place_bits = 24;
  static constexpr std::uint64_t place_mask = (std::uint64_t{1} << place_bits) - 1;

  struct Place {
    std::uint64_t ticket;  // of a free place: the next free one
    Session* session;      // null: free
  };

  std::vector<Place> places_;
  std::uint64_t first_free_ = place_mask;  // none
  std::uint64_t given_ = 0;
};

}  // namespace zws
