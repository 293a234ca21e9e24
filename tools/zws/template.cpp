#include "template.hpp"

#include <array>
#include <random>

namespace zws::tool {

Template::Template(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Kind>, 3> names{
      {{"{{count}}", Kind::count}, {"{{time}}", Kind::time}, {"{{uuid}}", Kind::uuid}}};
  std::string plain;
  while (!text.empty()) {
    const auto* found = names.end();
    for (const auto& name : names)
      if (text.substr(0, name.first.size()) == name.first) found = &name;
    if (found == names.end()) {
      plain += text[0];
      text.remove_prefix(1);
      continue;
    }
    if (!plain.empty()) pieces_.push_back({Kind::text, std::move(plain)});
    plain.clear();
    pieces_.push_back({found->second, {}});
    text.remove_prefix(found->first.size());
  }
  if (!plain.empty()) pieces_.push_back({Kind::text, std::move(plain)});
}

std::string Template::render(std::uint64_t count, WallTime now) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Kind::text: out += piece.text; break;
      case Kind::count: out += std::to_string(count); break;
      case Kind::time: out += rfc3339(now); break;
      case Kind::uuid: out += random_uuid(); break;
    }
  }
  return out;
}

std::string random_uuid() {
  constexpr char digits[] = "0123456789abcdef";
  std::random_device random;
  std::string uuid = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
  for (char& c : uuid) {
    if (c == 'x') c = digits[random() & 15];
    if (c == 'y') c = digits[8 | (random() & 3)];
  }
  return uuid;
}

}  // namespace zws::tool
