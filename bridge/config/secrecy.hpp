// Secrecy: what may be a secret, by the name of its key or by its looks. No value is printed or logged
// that has not been through here.
//
// Thread: any; pure functions, but for a look whether a folder is there. They would rather hide too much
// than show too much: of what is hidden the key, the file and the line are told.
#pragma once

#include <string>
#include <string_view>

#include "config/value.hpp"
#include "core/secrets.hpp"

namespace zws::config {

// Whether a line that speaks of `name` may hold a secret: a misspelt one is still one.
bool names_secret(std::string_view name);

using zws::without_secrets;
Value value_without_secrets(const Value& value);

// The same with *** for what a generator of passwords or `zws keygen` may have made, which could also be
// a name: long, and nothing but letters and digits of one alphabet.
std::string without_likely_secrets(std::string_view text);

// A path as it may be shown. Whoever writes the secret itself where the path of its file belongs has
// written no path: that is of ordinary letters, and begins with a folder of this machine, or something is
// there. Else it is ***.
std::string shown_path(std::string_view text);

// `value` as a complaint may show it: of `key` ("auth.issuer[2]", "route[0].match"). What belongs to no
// key may be anything, and is ***.
Value masked(std::string_view key, const Value& value);

}  // namespace zws::config
