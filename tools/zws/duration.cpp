#include "duration.hpp"

#include <charconv>
#include <string>
#include <utility>

#include "failure.hpp"

namespace zws::tool {
namespace {

constexpr double ms_max = 100.0 * 365 * 24 * 3600 * 1000;

double ms_of_unit(std::string_view unit) noexcept {
  constexpr std::pair<std::string_view, double> units[] = {
      {"ms", 1}, {"s", 1e3}, {"", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};
  for (const auto& [name, ms] : units)
    if (unit == name) return ms;
  return 0;
}

}  // namespace

std::chrono::milliseconds parse_duration(std::string_view option, std::string_view text,
                                         std::chrono::milliseconds min) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  const double unit = ms_of_unit({rest, static_cast<std::size_t>(end - rest)});
  const double ms = number * unit;
  if (error != std::errc{} || unit == 0 || !(ms >= static_cast<double>(min.count())) || ms > ms_max)
    throw Failure(Exit::usage,
                  std::string(option) +
                      " must be a time such as 2 (seconds), 500ms, 1.5s, 10m, 1h or 2d, not '" +
                      std::string(text) + "'");
  return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}

}  // namespace zws::tool
