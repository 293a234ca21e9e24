// above_zero: the check of an option that takes a number above 0.
//
// CLI11's own tells its range, with the 309 digits of the largest double, and takes `nan`.
#pragma once

#include <CLI/CLI.hpp>
#include <cmath>
#include <string>

namespace zws::tool {

inline CLI::Validator above_zero() {
  const auto fault = [](const std::string& text) {
    double number = 0;
    const bool fits =
        CLI::detail::lexical_cast(text, number) && std::isfinite(number) && number > 0;
    return fits ? std::string() : "wants a number above 0, not '" + text + "'";
  };
  return {fault, "POSITIVE"};
}

}  // namespace zws::tool
