// Cause: why there is no connection, in words that say what to look at.
//
// Thread: any; pure.
#pragma once

#include <string>
#include <system_error>

#include "url.hpp"

namespace zws::tool {

std::string cause_of(const std::error_code& error, const Url& url);

}  // namespace zws::tool
