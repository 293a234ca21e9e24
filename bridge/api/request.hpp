// ApiRequest: a request that has found its call, with what all calls ask of it.
//
// Thread: a value. Functions that refuse throw ApiRefusal, which Api turns into the answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/audit.hpp"
#include "auth/identity.hpp"
#include "core/http.hpp"

namespace zws {

struct ApiRequest {
  HttpRequest http;
  std::string argument;  // the {part} of the path, decoded
  AuditPtr audit;        // of an administrator's call; no Calls without it
  IdentityPtr identity;  // whose token came with it; null: nobody's, or open mode's administrator
};

struct ApiRefusal {
  int status;
  std::string_view code;
  std::string message;
};

// limit=1..1000 (100 if absent).
std::size_t page_limit(const ApiRequest& request);

// name=1..most (`fallback` if absent).
std::size_t query_number(const ApiRequest& request, const std::string& name, std::size_t fallback,
                         std::size_t most);

// A cursor is opaque: where the next page begins, in letters that no form and no URL changes.
std::string cursor_json(std::string_view place);

// The cursor of a list: the last name that was seen, empty if absent.
std::string name_cursor(const ApiRequest& request);

// The cursor of a topic's history: a place in it, the end if absent.
std::uint64_t history_cursor(const ApiRequest& request);

}  // namespace zws
