// One HTTP GET, answered whole.
//
// Thread: one; blocks for at most ten seconds. Bounded: an answer of more than 64 MiB is a Failure.
#pragma once

#include <string>

#include "tls.hpp"
#include "url.hpp"

namespace zws::tool {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// `token` may be empty. Throws Failure (cannot_connect) when there is no answer.
HttpAnswer http_get(const Url& url, const std::string& token, const TlsOptions& tls);

}  // namespace zws::tool
