#include "message.hpp"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/clock.hpp"
#include "core/json_text.hpp"
#include "core/topic.hpp"

namespace zws {
namespace {

using Member = std::pair<std::string_view, std::string_view>;

// {"type":T, the members as strings, "data":D, "timestamp":now}
std::optional<std::string> message(std::string_view type, std::initializer_list<Member> members,
                                   std::string_view data) {
  if (!nlohmann::json::accept(data.begin(), data.end())) return std::nullopt;
  std::string text;
  text.reserve(data.size() + 192);
  text += R"({"type":)";
  append_json_string(text, type);
  for (const auto& [name, value] : members) {
    if (!is_utf8(value)) return std::nullopt;
    text += ',';
    append_json_string(text, name);
    text += ':';
    append_json_string(text, value);
  }
  text.append(R"(,"data":)").append(data).append(R"(,"timestamp":")");
  text += rfc3339(std::chrono::system_clock::now());
  text += R"("})";
  return text;
}

}  // namespace

std::optional<std::string> import_progress_message(std::string_view task_id,
                                                   std::string_view progress) {
  const std::string topic = "import:" + std::string(task_id);
  return message("import_progress", {{"task_id", task_id}, {"topic", topic}}, progress);
}

std::optional<std::string> wallet_update_message(std::string_view wallet_address,
                                                 std::string_view data) {
  return message("wallet_update", {{"wallet_address", wallet_address}}, data);
}

std::optional<std::string> notification_message(std::string_view notification) {
  return message("notification", {}, notification);
}

std::optional<std::string> system_status_message(std::string_view data) {
  return message("system_status", {}, data);
}

}  // namespace zws
