// One HTTP request, answered whole.
//
// Thread: one; each step of it, such as to connect, blocks for at most `patience`. Bounded: an answer of more than 64 MiB is a Failure.
#pragma once

#include <chrono>
#include <string>

#include "tls.hpp"
#include "url.hpp"

namespace zws::tool {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

struct HttpCall {
  std::string method = "GET";
  std::string body;  // JSON; empty: none
  std::chrono::milliseconds patience{10'000};
};

// `token` may be empty. Throws Failure (cannot_connect) when there is no answer.
HttpAnswer http_call(const HttpCall& call, const Url& url, const std::string& token,
                     const TlsOptions& tls);

}  // namespace zws::tool
