// Fleet totals: the totals of all bridges of a fleet, added up.
//
// Thread: any; a pure function. What other bridges tell may be anything: only numbers under the names that
// `own` has count.
#pragma once

#include <string>
#include <vector>

#include "core/fleet.hpp"

namespace zws {

// `own` is a JSON object of numbers and of objects of numbers; the sum has its shape, and "bridges" behind it.
std::string fleet_totals(const std::string& own, const std::vector<FleetAnswer>& others);

}  // namespace zws
