// Prometheus: the counters in the text format that a scrape reads (docs/OPERATING.md).
//
// Thread: any; reads relaxed atomics, so a scrape waits for nobody. No label holds a topic, a user or
// an address, so the size of the answer does not grow with the load.
#pragma once

#include <string>

#include "metrics/metrics.hpp"

namespace zws {

// `in_fleet`: with those of the relay, which a bridge that stands alone has none of.
std::string prometheus_text(const Metrics& metrics, bool in_fleet = false);

// The lines of it that hold a number: without what explains them.
std::string prometheus_samples(const Metrics& metrics, bool in_fleet = false);

}  // namespace zws
