#include "api/body.hpp"

#include <simdjson.h>

#include <nlohmann/json.hpp>

#include "api/request.hpp"
#include "core/json_text.hpp"

namespace zws {
namespace {

constexpr std::size_t nesting_max = 32;

[[noreturn]] void refuse(std::string message) {
  throw ApiRefusal{400, "invalid_message", std::move(message)};
}

std::string quoted(const char* name) { return '"' + std::string(name) + '"'; }

}  // namespace

struct Body::Json {
  nlohmann::json value;
};

Body::Body(std::string_view text) : text_(text), json_(std::make_unique<Json>()) {
  if (json_nesting(text) > nesting_max)
    throw ApiRefusal{400, "invalid_json", "JSON nested deeper than 32"};
  try {
    json_->value = nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception&) {
    throw ApiRefusal{400, "invalid_json", "the body is not JSON"};
  }
  if (!json_->value.is_object()) refuse("the body must be a JSON object");
}

Body::~Body() = default;

std::string Body::string(const char* name) const {
  const auto value = optional_string(name);
  if (!value) refuse(quoted(name) + " is required and must be a string");
  return *value;
}

std::optional<std::string> Body::optional_string(const char* name) const {
  const auto member = json_->value.find(name);
  if (member == json_->value.end() || member->is_null()) return std::nullopt;
  if (!member->is_string()) refuse(quoted(name) + " must be a string");
  return member->get<std::string>();
}

std::optional<std::vector<std::string>> Body::optional_strings(const char* name) const {
  const auto member = json_->value.find(name);
  if (member == json_->value.end() || member->is_null()) return std::nullopt;
  if (!member->is_array()) refuse(quoted(name) + " must be a list of strings");
  std::vector<std::string> all;
  for (const auto& item : *member) {
    if (!item.is_string()) refuse(quoted(name) + " must be a list of strings");
    all.push_back(item.get<std::string>());
  }
  return all;
}

bool Body::is_object(const char* name) const {
  const auto member = json_->value.find(name);
  return member != json_->value.end() && member->is_object();
}

std::string Body::raw(const char* name) const {
  simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(text_);
  simdjson::ondemand::document document;
  simdjson::ondemand::object members;
  std::string found;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
      document.get_object().get(members) != simdjson::SUCCESS)
    refuse("the body must be a JSON object");
  for (auto member : members) {
    std::string_view key;
    simdjson::ondemand::value value;
    if (member.unescaped_key().get(key) != simdjson::SUCCESS || key != name) continue;
    if (member.value().get(value) != simdjson::SUCCESS) continue;
    std::string_view raw;
    simdjson::ondemand::object object;
    simdjson::ondemand::array array;
    if (value.get_object().get(object) == simdjson::SUCCESS) {
      if (object.raw_json().get(raw) == simdjson::SUCCESS) found = raw;
    } else if (value.get_array().get(array) == simdjson::SUCCESS) {
      if (array.raw_json().get(raw) == simdjson::SUCCESS) found = raw;
    } else {
      found = value.raw_json_token();
    }
  }
  // simdjson's piece goes on up to the next sign that means something.
  while (!found.empty() && std::strchr(" \t\r\n", found.back()) != nullptr) found.pop_back();
  if (found.empty()) refuse(quoted(name) + " is required");
  return found;
}

}  // namespace zws
