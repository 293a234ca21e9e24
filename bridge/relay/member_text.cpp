#include "relay/member_text.hpp"

#include <nlohmann/json.hpp>

#include "core/json_text.hpp"

namespace zws {
namespace {

using Json = nlohmann::json;

constexpr std::size_t text_bytes_max = 4096;
constexpr std::size_t nesting_max = 4;

std::string string_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::uint64_t> number_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

}  // namespace

std::string MemberText::text() const {
  JsonObject object;
  object.text("life", life)
      .number("beat", beat)
      .text("name", member.name)
      .text("version", member.version)
      .text("address", member.address)
      .number("clients", member.clients)
      .text("since", member.since);
  if (member.lag_ms) object.number("lag_ms", *member.lag_ms);
  return object.text("state", member.state).done();
}

std::optional<MemberText> MemberText::parse(std::string_view text) {
  if (text.size() > text_bytes_max || json_nesting(text) > nesting_max) return std::nullopt;
  const Json object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  MemberText told;
  told.life = string_of(object, "life");
  told.beat = number_of(object, "beat").value_or(0);
  told.member = {string_of(object, "name"),    string_of(object, "version"),
                 string_of(object, "address"), number_of(object, "clients").value_or(0),
                 string_of(object, "since"),   number_of(object, "lag_ms"),
                 string_of(object, "state")};
  if (told.life.empty() || told.member.name.empty()) return std::nullopt;
  return told;
}

}  // namespace zws
