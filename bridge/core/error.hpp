// StartupError: the program cannot start, and one line says why.
//
// Thrown by constructors only; main prints what() and exits with exit_code():
// 2 for a configuration that is wrong, 1 for a machine that refuses.
#pragma once

#include <stdexcept>
#include <string>

namespace zws {

class StartupError : public std::runtime_error {
 public:
  enum Cause { machine = 1, configuration = 2 };

  StartupError(Cause cause, const std::string& line) : std::runtime_error(line), cause_(cause) {}

  int exit_code() const noexcept { return cause_; }

 private:
  Cause cause_;
};

}  // namespace zws
