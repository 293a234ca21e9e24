#include "comeback.hpp"

#include <algorithm>
#include <cmath>

namespace zws::tool {

std::chrono::milliseconds Comeback::next_pause() {
  const double bound = std::min(500.0 * std::pow(2, pauses_++), 20'000.0);
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(std::uniform_real_distribution<double>(0, bound)(random_)));
}

bool Comeback::is_worth_a_line(const std::string& why) {
  said_again_ = why == why_ ? said_again_ + 1 : 1;
  why_ = why;
  return (said_again_ & (said_again_ - 1)) == 0;
}

void Comeback::succeeded() {
  pauses_ = 0;
  why_.clear();
}

}  // namespace zws::tool
