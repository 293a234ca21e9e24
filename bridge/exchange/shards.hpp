// Shards: a hash table in 64 parts, so that growing one never stalls a lane for long.
//
// Thread: its owner's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace zws {

template <typename Table>
class Shards {
 public:
  // The part for a hash; its low bits are the table's own.
  Table& of(std::uint64_t hash) noexcept { return tables_[hash >> 58]; }
  const Table& of(std::uint64_t hash) const noexcept { return tables_[hash >> 58]; }

  auto begin() noexcept { return tables_.begin(); }
  auto end() noexcept { return tables_.end(); }

 private:
  std::array<Table, 64> tables_;
};

}  // namespace zws
