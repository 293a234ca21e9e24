// One question to a TLS server of this machine, whosever certificate it has.
//
// Thread: any; it waits as long as the descriptor does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zws {

// Agrees on TLS over a connected, blocking descriptor, asks, and returns the first bytes of the answer, at
// most `bytes`; empty if there is none.
std::string ask_over_tls(int descriptor, std::string_view question, std::size_t bytes);

}  // namespace zws
