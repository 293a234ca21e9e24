// The messages that browsers know by their `type`, made of JSON text that the caller gives.
//
// Thread: any; pure functions but for the clock. Nothing when the text is not one JSON value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zws {

std::optional<std::string> import_progress_message(std::string_view task_id,
                                                   std::string_view progress);
std::optional<std::string> wallet_update_message(std::string_view wallet_address,
                                                 std::string_view data);
std::optional<std::string> notification_message(std::string_view notification);
std::optional<std::string> system_status_message(std::string_view data);

}  // namespace zws
