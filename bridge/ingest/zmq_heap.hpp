// What libzmq holds on the heap, which is what producers have made it hold.
//
// Its bounds count whole messages, and one that never ends is not even counted. The process as a whole
// tells nothing: clients, requests and history grow beside it. So the calls of malloc and free that
// libzmq makes, and only its, lead through counters here: their slots in its table of imported functions
// are set anew. Objects made with `new` (a connection's own) are not counted, what is queued or on its
// way is.
//
// Thread: any. Cost: an addition for each block. Bound: above a level libzmq's own thread waits, so that
// nothing grows before somebody has looked.
#pragma once

#include <cstddef>

namespace zws::zmq_heap {

// Begins to count, before the first context is made. False if libzmq is no shared library: then
// bytes() stays 0.
bool watch() noexcept;

std::size_t bytes() noexcept;

// From now on libzmq's thread waits a while (a fifth of a second at most) when it would grow beyond
// this; who waits now looks again.
void pause_above(std::size_t level) noexcept;

}  // namespace zws::zmq_heap
