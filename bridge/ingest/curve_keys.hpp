// CurveKeys: the keys of the ZeroMQ side: the bridge's own, and those of the producers that it lets in.
//
//   ingest.curve_secret_key_file     one line, as `zws keygen` writes NAME.secret
//   ingest.curve_allowed_keys_file   a public key a line (NAME.public); what stands behind it is a
//                                    name for the log:
//
//     # the import jobs
//     rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7 import-job
//
// Keys are Z85, of which none begins with '#' (five letters are 32 bits, and '#' is too much). An empty
// list is refused, as a file that is being written may be; one of comments lets nobody in.
//
// Thread: a value.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "config/config.hpp"

namespace zws {

constexpr std::size_t curve_key_bytes = 32;
constexpr std::size_t curve_key_letters = 40;  // the same in Z85

struct CurveKeys {
  std::string secret;      // Z85; empty: the ZeroMQ side is not encrypted
  std::string public_key;  // Z85; what producers need to know
  bool everyone = true;    // no list: whoever knows the bridge's public key is let in
  std::unordered_map<std::string, std::string> allowed;  // key -> name, "" where it has none

  bool on() const noexcept { return !secret.empty(); }
  bool admits(const std::string& key) const { return everyone || allowed.count(key) > 0; }
};

// Reads both files. Throws StartupError{configuration} with one line that names key, file and line, and
// never what stands there.
CurveKeys read_curve_keys(const IngestConfig& config);

}  // namespace zws
