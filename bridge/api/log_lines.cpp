#include "api/log_lines.hpp"

#include <vector>

#include "api/list_query.hpp"
#include "core/json_text.hpp"
#include "core/log_memory.hpp"

namespace zws {
namespace {

std::string lines_json(const std::vector<log::KeptLinePtr>& lines) {
  std::vector<std::string> rows;
  for (const log::KeptLinePtr& line : lines)
    rows.push_back(JsonObject()
                       .text("time", line->time)
                       .text("level", line->level)
                       .text("text", line->text)
                       .done());
  return json_list(rows);
}

}  // namespace

std::string log_lines_json(std::size_t limit) {
  return JsonObject()
      .json("log", lines_json(log::newest_lines().newest(limit)))
      .json("audit", lines_json(log::newest_audit().newest(limit)))
      .done();
}

std::string log_counts_json() {
  return JsonObject()
      .number("log", log::newest_lines().count())
      .number("audit", log::newest_audit().count())
      .done();
}

}  // namespace zws
