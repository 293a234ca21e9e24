#include "config/meant_time.hpp"

#include <charconv>
#include <cstdint>

namespace zws::config {
namespace {

struct Unit {
  std::string_view word;
  std::string_view unit;
  std::int64_t times;
};

// One letter more, as of "secs", is looked over.
constexpr Unit units[] = {
    {"", "s", 1},          {"ms", "ms", 1},    {"msec", "ms", 1},  {"millisecond", "ms", 1},
    {"s", "s", 1},         {"sec", "s", 1},    {"second", "s", 1}, {"m", "m", 1},
    {"min", "m", 1},       {"minute", "m", 1}, {"h", "h", 1},      {"hr", "h", 1},
    {"hour", "h", 1},      {"d", "h", 24},     {"day", "h", 24},   {"w", "h", 7 * 24},
    {"week", "h", 7 * 24},
};

}  // namespace

std::optional<std::string> meant_time(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, fault] = std::from_chars(text.data(), end, number);
  constexpr std::int64_t number_max = 1'000'000'000;
  if (fault != std::errc{} || number < 0 || number > number_max) return std::nullopt;
  std::string_view word(rest, static_cast<std::size_t>(end - rest));
  while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
  for (const Unit& unit : units) {
    const bool is_many =
        word.size() > 3 && word.back() == 's' && word.substr(0, word.size() - 1) == unit.word;
    if (word == unit.word || is_many) return std::to_string(number * unit.times).append(unit.unit);
  }
  return std::nullopt;
}

}  // namespace zws::config
