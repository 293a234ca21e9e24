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
  constexpr std::size_t typos_max = 3;
  constexpr std::size_t name_bytes_max = 100;
  std::string_view best;
  std::size_t best_distance = typos_max + 1;
  if (name.size() > name_bytes_max) return best;
  for (const std::string_view candidate : known) {
    const std::size_t far = letters_between(name, candidate);
    if (far < best_distance && far * 2 <= candidate.size()) {
      best = candidate;
      best_distance = far;
    }
  }
  return best;
}

}  // namespace zws
