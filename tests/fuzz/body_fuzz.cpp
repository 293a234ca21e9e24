// Whatever stands in the body of a call: it is refused with 400 and words, or each of its members is
// JSON that the body holds byte for byte, and of the type that was asked for.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/body.hpp"
#include "api/request.hpp"
#include "core/topic.hpp"

namespace {

void demand(bool kept) {
  if (!kept) std::abort();
}

// Whether `read` was content. What it refuses it refuses in words that may be logged.
template <typename Read>
bool contents(Read read) {
  try {
    read();
    return true;
  } catch (const zws::ApiRefusal& refused) {
    demand(refused.status == 400 && !refused.code.empty() && !refused.message.empty());
    demand(zws::is_utf8(refused.message));
    return false;
  }
}

// What the other parser makes of it. Nothing where it cannot hold a number (2e735): that is JSON all
// the same, and goes on as it was sent.
std::optional<nlohmann::json> parse(const std::string& json) {
  try {
    return nlohmann::json::parse(json);
  } catch (const nlohmann::json::out_of_range&) {
    return std::nullopt;
  }
}

void read_member(const zws::Body& body, const char* name, std::string_view text) {
  std::string json = "null";
  if (contents([&] { json = body.raw(name); })) demand(text.find(json) != std::string_view::npos);
  const auto parsed = parse(json);
  if (!parsed) return;
  const nlohmann::json& value = *parsed;
  demand(body.is_object(name) == value.is_object());
  std::string string;
  if (contents([&] { string = body.string(name); }))
    demand(value.is_string() && string == value.get<std::string>());
  contents([&] { demand(!body.optional_string(name) || value.is_string()); });
  contents([&] { demand(!body.optional_strings(name, 3) || value.is_array()); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  contents([&] {
    const zws::Body body(text);
    demand(zws::is_utf8(text));
    for (const char* name : {"topic", "message", "target_users", "a", ""})
      read_member(body, name, text);
  });
  return 0;
}
