// RightsCalls: what somebody would be let do, told to who asks for it (docs/REST.md).
//
// Thread: ask() on the lane that took the request; a token that takes long is checked, and answered, on the
// verifier's thread. reload() from main at any time. Lifetime: outlives the lanes' threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/request.hpp"
#include "auth/identity.hpp"
#include "auth/verifier.hpp"
#include "config/config.hpp"
#include "core/http.hpp"
#include "lane/lanes.hpp"

namespace zws {

class RightsCalls {
 public:
  RightsCalls(Lanes& lanes, Verifier& verifier) : lanes_(lanes), verifier_(verifier) {}

  void reload(const ConfigPtr& config) { std::atomic_store(&config_, config); }

  // Of the bearer of a token, or of a user with such roles. The token is neither kept nor told.
  void ask(const ApiRequest& request, HttpReply reply);

 private:
  void ask_token(const std::string& token, std::vector<std::string> asked, HttpReply reply);

  Lanes& lanes_;
  Verifier& verifier_;
  ConfigPtr config_;  // by std::atomic_load and _store
};

// Who that is, which patterns give what, and for each of `asked` (topics or patterns) which of them does.
std::string rights_json(const AuthConfig& config, const Identity& identity,
                        const std::vector<std::string>& asked);

}  // namespace zws
