// Secrets in text: what can be nothing else is hidden, wherever the text is shown or kept.
//
// Thread: any; a pure function. Cost: a look at each byte.
#pragma once

#include <string>
#include <string_view>

namespace zws {

// What stands for a secret.
constexpr std::string_view secret_mask = "***";

// `text` with *** in place of what can be nothing but a secret: JSON Web Tokens, PEM blocks and the
// password of a URL.
std::string without_secrets(std::string_view text);

}  // namespace zws
