// Failure: how a command ends that cannot go on, and the exit codes there are.
#pragma once

#include <stdexcept>
#include <string>

namespace zws::tool {

enum class Exit : int {
  done = 0,
  failed = 1,
  usage = 2,
  cannot_connect = 3,
  denied = 4,
  timed_out = 5,
};

// `line` says why and, where there is one, the way out.
class Failure : public std::runtime_error {
 public:
  Failure(Exit exit, const std::string& line) : std::runtime_error(line), exit_(exit) {}

  Exit exit() const noexcept { return exit_; }

 private:
  Exit exit_;
};

}  // namespace zws::tool
