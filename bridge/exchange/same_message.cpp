#include "exchange/same_message.hpp"

namespace zws {
namespace {

// What stands before the time that a bridge wrote, which comes right before the @id; all of it where none did.
std::string_view before_its_time(std::string_view text) noexcept {
  constexpr std::string_view ours = R"({"type":"message","topic":)";
  constexpr std::string_view name = R"(,"timestamp":")";
  constexpr std::string_view next = R"(","@id":")";
  const std::size_t at = text.rfind(name);
  if (text.substr(0, ours.size()) != ours || at == std::string_view::npos) return text;
  const std::size_t end = text.find('"', at + name.size());
  if (end == std::string_view::npos || text.substr(end, next.size()) != next) return text;
  return text.substr(0, at);
}

}  // namespace

std::string_view text_in_frame(std::string_view frame) noexcept {
  const auto length = static_cast<unsigned char>(frame[1]);
  return frame.substr(length <= 125 ? 2 : length == 126 ? 4 : 10);
}

bool says_the_same(std::string_view a, std::string_view b) noexcept {
  return a == b || before_its_time(a) == before_its_time(b);
}

}  // namespace zws
