#include "json_table.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/log.hpp"
#include "output.hpp"

namespace zws::tool {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::vector<std::string>;

constexpr std::size_t cell_bytes_max = 60;
constexpr std::size_t depth_max = 8;

// 1536 is 1.5 KiB.
std::string bytes_text(double bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(units); ++unit) bytes /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

// 1234567 is 1,234,567.
std::string split_number(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

bool ends_with(const std::string& text, std::string_view suffix) noexcept {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// What is in it, without the marks of JSON: "a, b" is a list, "pattern *, from always" an object.
std::string parts(const Json& value) {
  if (!value.is_structured()) return value.is_string() ? value.get<std::string>() : value.dump();
  std::string text;
  for (const auto& [name, part] : value.items())
    text += (text.empty() ? "" : ", ") + (value.is_object() ? name + ' ' : "") +
            (part.is_structured() ? part.dump() : parts(part));
  return text.empty() ? "-" : text;
}

std::string cell(const std::string& name, const Json& value) {
  if (value.is_number() && ends_with(name, "_bytes")) return bytes_text(value.get<double>());
  if (value.is_number_unsigned()) return split_number(value.get<std::uint64_t>());
  if (value.is_null()) return "-";
  return printable_line(parts(value), cell_bytes_max);
}

bool is_list_of_objects(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_object(); });
}

// How many characters a terminal shows of valid UTF-8: all bytes but those that continue one. (A letter
// that takes two columns, or none, counts as one.)
std::size_t width(const std::string& text) noexcept {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

class Table {
 public:
  explicit Table(bool colour) : colour_(colour) {}

  std::string of(const Json& object) {
    values(object, 0);
    return std::move(out_);
  }

  std::string of_list(const Json& list) {
    columns(list, 0);
    return std::move(out_);
  }

 private:
  // First what stands for itself, then what has parts.
  void values(const Json& object, std::size_t depth) {
    std::vector<Row> rows;
    for (const auto& [name, value] : object.items())
      if (!has_parts(value, depth)) rows.push_back({log::escaped(name), cell(name, value)});
    print(rows, depth);
    for (const auto& [name, value] : object.items()) {
      if (!has_parts(value, depth)) continue;
      heading(name, depth);
      if (value.is_object())
        values(value, depth + 1);
      else
        columns(value, depth + 1);
    }
  }

  static bool has_parts(const Json& value, std::size_t depth) {
    return depth < depth_max &&
           ((value.is_object() && !value.empty()) || is_list_of_objects(value));
  }

  void columns(const Json& list, std::size_t depth) {
    Row names;
    for (const Json& item : list)
      for (const auto& [name, value] : item.items())
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    std::vector<Row> rows{names};
    for (const Json& item : list) {
      Row& row = rows.emplace_back();
      for (const std::string& name : names)
        row.push_back(item.contains(name) ? cell(name, item[name]) : "");
    }
    for (std::string& name : rows[0]) name = log::escaped(name);
    print(rows, depth);
  }

  void heading(const std::string& name, std::size_t depth) {
    indent(depth);
    out_ += (colour_ ? "\x1b[1m" : "") + log::escaped(name) + (colour_ ? "\x1b[0m" : "") + '\n';
  }

  void print(const std::vector<Row>& rows, std::size_t depth) {
    std::vector<std::size_t> widths;
    for (const Row& row : rows)
      for (std::size_t i = 0; i < row.size(); ++i) {
        widths.resize(std::max(widths.size(), i + 1));
        widths[i] = std::max(widths[i], width(row[i]));
      }
    for (const Row& row : rows) {
      indent(depth);
      for (std::size_t i = 0; i < row.size(); ++i) {
        out_ += row[i];
        if (i + 1 < row.size()) out_.append(widths[i] - width(row[i]) + 2, ' ');
      }
      out_ += '\n';
    }
  }

  void indent(std::size_t depth) { out_.append(2 * depth, ' '); }

  const bool colour_;
  std::string out_;
};

}  // namespace

std::string json_table(const Json& object, bool colour) { return Table(colour).of(object); }

std::string json_columns(const Json& list) { return Table(false).of_list(list); }

}  // namespace zws::tool
