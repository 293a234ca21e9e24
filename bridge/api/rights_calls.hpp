// RightsCalls: what somebody would be let do, told to who asks for it (docs/REST.md).
//
// Thread: ask() on the clerk's; a token that takes long is checked on the verifier's thread, and answered on
// the clerk's again. reload() from main at any time. Lifetime: outlives the lanes' threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/clerk.hpp"
#include "api/request.hpp"
#include "auth/identity.hpp"
#include "auth/verifier.hpp"
#include "config/config.hpp"
#include "core/http.hpp"
#include "lane/lanes.hpp"

namespace zws {

class RightsCalls {
 public:
  RightsCalls(Lanes& lanes, Verifier& verifier, Clerk& clerk)
      : lanes_(lanes), verifier_(verifier), clerk_(clerk) {}

  void reload(const ConfigPtr& config) { std::atomic_store(&config_, config); }

  // Of the bearer of a token, or of a user with such roles. The token is neither kept nor told.
  void ask(const ApiRequest& request, HttpReply reply);

 private:
  void ask_token(const std::string& token, std::vector<std::string> asked, HttpReply reply);

  Lanes& lanes_;
  Verifier& verifier_;
  Clerk& clerk_;
  ConfigPtr config_;  // by std::atomic_load and _store
};

// Who that is, which patterns give what, and for each of `asked` (topics or patterns) which of them does.
std::string rights_json(const AuthConfig& config, const Identity& identity,
                        const std::vector<std::string>& asked);

}  // namespace zws
