#include "header.hpp"

#include <charconv>
#include <cstring>

#include "core/json_text.hpp"

namespace zws {
namespace {

constexpr std::size_t digits_max = 20;

char* put(char* to, std::string_view text) noexcept {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

char* put(char* to, std::uint64_t number) noexcept {
  return std::to_chars(to, to + digits_max, number).ptr;
}

}  // namespace

void append_header(std::string& text, std::string_view source, std::uint64_t seq, std::int64_t ts,
                   std::string_view key) {
  text.append(R"({"src":")").append(source);
  char numbers[2 * digits_max + 16];  // together: each append costs more than what it appends
  char* end = put(numbers, R"(","seq":)");
  end = put(end, seq);
  end = put(end, R"(,"ts":)");
  end = put(end, static_cast<std::uint64_t>(ts));
  if (key.empty()) *end++ = '}';
  text.append(numbers, end);
  if (key.empty()) return;
  text += R"(,"key":)";
  append_json_string(text, key);
  text += '}';
}

}  // namespace zws
