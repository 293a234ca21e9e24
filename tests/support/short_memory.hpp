// ShortMemory: of this thread's allocations one fails, as where there is no memory: what throws then must leave
// nothing half done.
//
//   const ShortMemory memory(3);  // three succeed, and the next one does not
//
// For test programs that short_memory.cpp is part of, which replaces operator new.
#pragma once

#include <cstddef>

namespace zws {

class ShortMemory {
 public:
  explicit ShortMemory(std::size_t passed) noexcept;
  ~ShortMemory();
  ShortMemory(const ShortMemory&) = delete;
  ShortMemory& operator=(const ShortMemory&) = delete;
};

}  // namespace zws
