#include "core/spelling.hpp"

#include <algorithm>
#include <numeric>

namespace zws {

std::size_t letters_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::string_view meant_by(std::string_view name, const std::vector<std::string_view>& known) {
  const std::string_view* best = nearest(name, known, [&](std::string_view candidate) {
    return Distance{letters_between(name, candidate), candidate.size()};
  });
  return best != nullptr ? *best : std::string_view{};
}

}  // namespace zws
