// The version this program was built as.
#pragma once

#include <string_view>

namespace zws {

std::string_view version() noexcept;

}  // namespace zws
