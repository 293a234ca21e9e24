// Small files that people keep one thing in: a token, a secret, a key.
#pragma once

#include <string>

namespace zws::tool {

// The file's text without the newline at its end. `what` names it in the Failure (failed) thrown
// when it cannot be read, is empty or holds more than 64 KiB. "-" is stdin.
std::string read_small_file(const std::string& what, const std::string& path);

// The same of a file that is open already, and is closed.
std::string read_small_file(const std::string& what, const std::string& path, int fd);

}  // namespace zws::tool
