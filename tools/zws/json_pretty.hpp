// JSON for a person: indented, and coloured on request. Works on the text, so numbers keep their
// digits and members their order.
//
// Thread: any; pure. Cost: O(size); indentation stops growing at 32 levels.
#pragma once

#include <string>
#include <string_view>

namespace zws::tool {

// `json` must be JSON; of other text the result means nothing but is still bounded.
std::string pretty_json(std::string_view json, bool colour);

}  // namespace zws::tool
