// checks: what no single key can see: values that contradict each other, and files that are needed.
//
// Thread: any; no state. All throw StartupError{configuration}, one line that names the key and
// where its value came from.
#pragma once

#include "config/config.hpp"
#include "config/load.hpp"

namespace zws::config {

void check_consistency(const Config& config, const Origins& origins);

// Every key and TLS file can be opened and is no folder. What stands in it is its reader's to judge.
void check_files(const Config& config, const Origins& origins);

}  // namespace zws::config
