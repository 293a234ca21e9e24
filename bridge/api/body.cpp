#include "api/body.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "api/request.hpp"
#include "core/json_text.hpp"
#include "core/keyed_hash.hpp"
#include "core/log.hpp"
#include "core/spelling.hpp"
#include "exchange/payload.hpp"

namespace zws {
namespace {

constexpr std::size_t nesting_max = 32;

[[noreturn]] void refuse(std::string message) {
  throw ApiRefusal{400, "invalid_message", std::move(message)};
}

std::string quoted(const char* name) { return '"' + std::string(name) + '"'; }

std::string json_of(simdjson::ondemand::value& value) {
  std::string_view raw;
  simdjson::ondemand::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return {};
  if (type == simdjson::ondemand::json_type::object) {
    simdjson::ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS ||
        object.raw_json().get(raw) != simdjson::SUCCESS)
      return {};
  } else if (type == simdjson::ondemand::json_type::array) {
    simdjson::ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS ||
        array.raw_json().get(raw) != simdjson::SUCCESS)
      return {};
  } else {
    raw = value.raw_json_token();
  }
  // simdjson's piece goes on up to the next sign that means something.
  while (!raw.empty() && std::strchr(" \t\r\n", raw.back()) != nullptr) raw.remove_suffix(1);
  return std::string(raw);
}

[[noreturn]] void refuse_unknown(const std::string& name,
                                 const std::vector<std::string_view>& known) {
  const std::string_view meant = meant_by(name, known);
  std::string message = "there is no member \"" + log::escaped(name) + '"';
  if (!meant.empty()) message += ", did you mean \"" + std::string(meant) + "\"?";
  message += meant.empty() ? ", allowed are " : " Allowed are ";
  for (const std::string_view each : known)
    message += (each == known.front() ? "" : ", ") + std::string(each);
  refuse(message);
}

}  // namespace

struct Body::Members {
  // Each as it was sent; of two the last counts.
  std::unordered_map<std::string, std::string, KeyedHash> json;

  const std::string* find(const char* name) const {
    const auto found = json.find(name);
    return found == json.end() || found->second == "null" ? nullptr : &found->second;
  }
};

// What is JSON is decided by what decides it for producers, so that both may send the same. The walk
// over the members then looks at no more than where each begins and ends.
Body::Body(std::string_view text, const std::vector<std::string_view>& known)
    : members_(std::make_unique<Members>()) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.substr(0, byte_order_mark.size()) == byte_order_mark)
    text.remove_prefix(byte_order_mark.size());
  if (json_nesting(text) > nesting_max)
    throw ApiRefusal{400, "invalid_json", "JSON nested deeper than 32"};
  const PayloadKind kind = PayloadReader().read(text, "", "").kind;
  if (kind != PayloadKind::typed_object && kind != PayloadKind::json)
    throw ApiRefusal{400, "invalid_json", "the body is not JSON"};

  simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(text);
  simdjson::ondemand::document document;
  simdjson::ondemand::object members;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
      document.get_object().get(members) != simdjson::SUCCESS)
    refuse("the body must be a JSON object");
  std::optional<std::string> unknown;  // the first by name: the same one each time
  for (auto member : members) {
    std::string_view key;
    simdjson::ondemand::value value;
    if (member.unescaped_key().get(key) != simdjson::SUCCESS) continue;
    if (!known.empty() && std::find(known.begin(), known.end(), key) == known.end()) {
      if (!unknown || key < *unknown) unknown = key;
    } else if (member.value().get(value) == simdjson::SUCCESS) {
      members_->json[std::string(key)] = json_of(value);
    }
  }
  if (unknown) refuse_unknown(*unknown, known);
}

Body::~Body() = default;

std::string Body::string(const char* name) const {
  const auto value = optional_string(name);
  if (!value) refuse(quoted(name) + " is required and must be a string");
  return *value;
}

std::optional<std::string> Body::optional_string(const char* name) const {
  const std::string* member = members_->find(name);
  if (member == nullptr) return std::nullopt;
  const nlohmann::json value = nlohmann::json::parse(*member, nullptr, false);
  if (!value.is_string()) refuse(quoted(name) + " must be a string");
  return value.get<std::string>();
}

std::optional<std::vector<std::string>> Body::optional_strings(const char* name,
                                                               std::size_t most) const {
  const std::string* member = members_->find(name);
  if (member == nullptr) return std::nullopt;
  const auto refuse_type = [name] { refuse(quoted(name) + " must be a list of strings"); };
  simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(*member);
  simdjson::ondemand::document document;
  simdjson::ondemand::array items;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
      document.get_array().get(items) != simdjson::SUCCESS)
    refuse_type();
  std::vector<std::string> all;
  for (auto item : items) {
    std::string_view text;
    if (item.get_string().get(text) != simdjson::SUCCESS) refuse_type();
    all.emplace_back(text);
    if (all.size() > most) break;
  }
  return all;
}

bool Body::is_object(const char* name) const {
  const std::string* member = members_->find(name);
  return member != nullptr && member->front() == '{';
}

std::string Body::raw(const char* name) const {
  const auto found = members_->json.find(name);
  if (found == members_->json.end() || found->second.empty()) refuse(quoted(name) + " is required");
  return found->second;
}

}  // namespace zws
