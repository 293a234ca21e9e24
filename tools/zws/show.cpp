#include "show.hpp"

#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "core/topic.hpp"
#include "json_pretty.hpp"
#include "output.hpp"

namespace zws::tool {
namespace {

std::string painted(std::string_view colour, std::string_view text) {
  if (!data_has_colour()) return std::string(text);
  return std::string(colour).append(text).append("\x1b[0m");
}

}  // namespace

void add_format_option(CLI::App& command, Format& format) {
  const std::map<std::string, Format> names{
      {"json", Format::json}, {"pretty", Format::pretty}, {"payload", Format::payload}};
  const auto set = [names, &format](const std::string& name) { format = names.at(name); };
  command
      .add_option_function<std::string>(
          "--format", set,
          "json: a message a line; pretty: for people; payload: what was published")
      ->check(CLI::IsMember({"json", "pretty", "payload"}).description(""))
      ->type_name("json|pretty|payload")
      ->default_str("json");
}

std::string pretty(std::string_view topic, std::string_view note, std::string_view payload) {
  const bool json = nlohmann::json::accept(payload.begin(), payload.end());
  std::string out = painted("\x1b[2m", rfc3339(std::chrono::system_clock::now()));
  out += "  " + painted("\x1b[1m", printable(topic)) + "  " + painted("\x1b[2m", printable(note));
  out += '\n';
  out += json               ? pretty_json(printable_json(payload), data_has_colour())
         : is_utf8(payload) ? printable(payload)
                            : "(" + std::to_string(payload.size()) + " bytes that are not text)";
  out += '\n';
  return out;
}

std::string json_line(std::string_view json) {
  return (data_is_seen() ? printable_json(json) : std::string(json)) + '\n';
}

std::string bare(std::string_view payload) {
  return (data_is_seen() ? printable(payload) : std::string(payload)) + '\n';
}

}  // namespace zws::tool
