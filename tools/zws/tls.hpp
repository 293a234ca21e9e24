// TLS as a client: the certificate must fit the host, and be signed by someone the system trusts.
#pragma once

#include <string>

namespace asio::ssl {
class context;
}

namespace zws::tool {

struct TlsOptions {
  std::string ca_file;    // trust these instead of the system's
  bool insecure = false;  // trust anyone
};

// Throws Failure (failed) when ca_file cannot be read. When the host's certificate is refused,
// `fault`, which must outlive the context, says why and what can be done.
asio::ssl::context make_tls(const TlsOptions& options, const std::string& host, std::string& fault);

}  // namespace zws::tool
