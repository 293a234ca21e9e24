#include "config/service_link.hpp"

#include <algorithm>
#include <initializer_list>

#include "config/address.hpp"

namespace zws::config {
namespace {

using Words = std::initializer_list<std::string_view>;

// The one of `ends` with which `name` ends, taken from it; else nothing.
std::string_view take_end(std::string_view& name, Words ends) {
  for (const std::string_view end : ends) {
    if (name.size() < end.size() || name.substr(name.size() - end.size()) != end) continue;
    name.remove_suffix(end.size());
    return end;
  }
  return {};
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_protocol(std::string_view text) {
  const Words known{"tcp", "udp", "sctp"};
  return std::find(known.begin(), known.end(), text) != known.end();
}

// tcp://10.0.0.1:80
bool is_place(std::string_view text) {
  const std::size_t mark = text.find("://");
  return mark != std::string_view::npos && is_protocol(text.substr(0, mark)) &&
         Address::parse(text.substr(mark + 3)).has_value();
}

// NAME_SERVICE_PORT, NAME_SERVICE_PORT_HTTP
bool names_port(std::string_view name) {
  constexpr std::string_view word = "_SERVICE_PORT";
  const std::size_t at = name.find(word);
  if (at == std::string_view::npos) return false;
  const std::string_view rest = name.substr(at + word.size());
  return rest.empty() || (rest.size() > 1 && rest[0] == '_');
}

// NAME_PORT_80_TCP, NAME_PORT_80_TCP_ADDR
bool is_of_port(std::string_view name, std::string_view text) {
  const std::string_view part = take_end(name, {"_PROTO", "_PORT", "_ADDR"});
  if (take_end(name, {"_TCP", "_UDP", "_SCTP"}).empty()) return false;
  const std::size_t before = name.rfind('_');
  if (before == std::string_view::npos || !is_number(name.substr(before + 1))) return false;
  name.remove_suffix(name.size() - before);
  if (take_end(name, {"_PORT"}).empty()) return false;
  if (part == "_PROTO") return is_protocol(text);
  if (part == "_PORT") return is_number(text);
  return part == "_ADDR" ? parse_ip(text).has_value() : is_place(text);
}

}  // namespace

bool is_service_link(std::string_view name, std::string_view text) {
  std::string_view start = name;
  if (!take_end(start, {"_SERVICE_HOST"}).empty()) return parse_ip(text).has_value();
  if (names_port(name)) return is_number(text);
  if (is_of_port(name, text)) return true;
  return !take_end(start, {"_PORT"}).empty() && is_place(text);
}

}  // namespace zws::config
