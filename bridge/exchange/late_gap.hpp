// Late gap: the marker of events that came over this bridge's own connection only after an archive had brought
// them into the history. Who subscribed before that waits for them in vain and is told. Who came later was
// given them from there, or asked for nothing of the past: it is told nothing.
//
// Event::restart() of a gap says that it is one; its arrival() is the place of the archive's knowledge among all
// that arrived: whoever looked at the exchange after that stands there or later.
//
// Thread: any. Where a queue that overflows joins it to other gaps, all are told of it.
#pragma once

#include "core/event.hpp"

namespace zws {

inline bool is_late_gap(const Event& event) noexcept { return event.is_gap() && event.restart(); }

}  // namespace zws
