// AdminCalls: the administrator's calls of a bridge (docs/REST.md), and what is wrong when they fail.
//
// Thread: one; each call blocks for at most ten seconds. Failure: denied for 401 and 403, usage for
// 400, cannot_connect without an answer, else failed.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "http_client.hpp"
#include "login.hpp"

namespace zws::tool {

class AdminCalls {
 public:
  using Json = nlohmann::ordered_json;

  // `login` is looked at for each call: a token in a file may change.
  explicit AdminCalls(const Login& login);

  // `path` lies below where clients connect: "/stats". An answer is a JSON object.
  Json get(const std::string& path) { return call({"GET", {}}, path); }
  Json post(const std::string& path, const std::string& body) { return call({"POST", body}, path); }
  Json remove(const std::string& path) { return call({"DELETE", {}}, path); }

  // Each page of a list until there is none further or `take` returns false. `path` may have a query.
  void pages(const std::string& path, const std::function<bool(const Json& page)>& take);

  // What everyone may ask: "/readyz", from the root.
  HttpAnswer ask(const std::string& path) const;

  const Url& url() const noexcept { return url_; }

 private:
  Json call(const HttpCall& call, const std::string& path);
  std::string token();

  const Login& login_;
  const Url url_;
  std::string from_stdin_;  // it can be read only once
};

// One part of a path: "import%3A1".
std::string percent_encoded(std::string_view text);

}  // namespace zws::tool
