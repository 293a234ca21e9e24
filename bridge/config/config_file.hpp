// config_file: the text of the configuration file, which may also be a pipe, as `--config <(make-it)` or
// /dev/stdin give one.
//
// Thread: any. A pipe is waited for, until its last writer has closed it; after a second that is said in the log.
// Bound: 1 MiB.
#pragma once

#include <string>

namespace zws::config {

// Throws StartupError{configuration}: the file, and why it cannot be read.
std::string read_config_file(const std::string& path);

// Whether reading it again would give nothing, or wait. False where there is none.
bool can_be_read_once(const std::string& path) noexcept;

}  // namespace zws::config
