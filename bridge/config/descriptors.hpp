// Descriptors: how the open files that the process may have are shared out, so that neither side can
// take the other's.
//
// Thread: any.
#pragma once

#include <cstddef>

#include "config/config.hpp"

namespace zws {

struct Descriptors {
  // Connections of theirs, each of which takes two; and as many to the repair port, which take one.
  std::size_t producers = 0;
  std::size_t clients = 0;
};

// Raises the soft limit on open files to the hard one and shares that out.
Descriptors share_descriptors(const Config& config);

}  // namespace zws
