// Descriptor: reads and writes one that may have been made non-blocking by whoever else has it, as Node and
// Python make the pipes of their children.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace zws::tool {

// As read(2) and write(2), but they wait where there is nothing yet, or no room, and go on when interrupted.
ssize_t read_waiting(int fd, void* into, std::size_t bytes) noexcept;
ssize_t write_waiting(int fd, const void* from, std::size_t bytes) noexcept;

// One of 0 to 2 that is closed would go to the next socket or file, and what is said into that.
void fill_standard_descriptors() noexcept;

}  // namespace zws::tool
