#include "core/version.hpp"

namespace zws {

std::string_view version() noexcept { return ZWS_VERSION; }

}  // namespace zws
