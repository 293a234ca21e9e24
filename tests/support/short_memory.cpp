#include "support/short_memory.hpp"

#include <cstdlib>
#include <limits>
#include <new>

namespace {

constexpr std::size_t plenty = std::numeric_limits<std::size_t>::max();
thread_local std::size_t allocations_left = plenty;

}  // namespace

zws::ShortMemory::ShortMemory(std::size_t passed) noexcept { allocations_left = passed; }
zws::ShortMemory::~ShortMemory() { allocations_left = plenty; }

void* operator new(std::size_t bytes) {
  const bool fails = allocations_left == 0;
  // It is one, not all that come.
  if (allocations_left != plenty) allocations_left = fails ? plenty : allocations_left - 1;
  void* const made = fails ? nullptr : std::malloc(bytes);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept try {
  return ::operator new(bytes);
} catch (const std::bad_alloc&) {
  return nullptr;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
// A sanitizer has its own of these, which do not come to those above.
void* operator new[](std::size_t bytes) { return ::operator new(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t& none) noexcept {
  return ::operator new(bytes, none);
}
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
