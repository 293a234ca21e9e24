#include "json_table.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/log.hpp"

namespace zws::tool {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::vector<std::string>;

constexpr std::size_t cell_bytes_max = 60;
constexpr std::size_t depth_max = 8;

std::string cell(const Json& value) {
  return log::escaped(value.is_string() ? value.get<std::string>() : value.dump(), cell_bytes_max);
}

bool is_list_of_objects(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_object(); });
}

class Table {
 public:
  explicit Table(bool colour) : colour_(colour) {}

  std::string of(const Json& object) {
    values(object, 0);
    return std::move(out_);
  }

 private:
  // First what stands for itself, then what has parts.
  void values(const Json& object, std::size_t depth) {
    std::vector<Row> rows;
    for (const auto& [name, value] : object.items())
      if (!has_parts(value, depth)) rows.push_back({log::escaped(name), cell(value)});
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
        row.push_back(item.contains(name) ? cell(item[name]) : "");
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
        widths[i] = std::max(widths[i], row[i].size());
      }
    for (const Row& row : rows) {
      indent(depth);
      for (std::size_t i = 0; i < row.size(); ++i) {
        out_ += row[i];
        if (i + 1 < row.size()) out_.append(widths[i] - row[i].size() + 2, ' ');
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

}  // namespace zws::tool
