// Verifier: is this token good, and whose is it?
//
// Thread: verify() from any lane. A cached answer and the HMAC algorithms come at once, inside the
// call; slower algorithms are checked on the verifier's own thread and `done` is called there, so a
// lane posts itself the result. The token's text is never logged or kept (the cache holds a digest).
// Bounds: a token over 16 KiB or nested deeper than 32 is invalid before anything is parsed; the
// cache holds at most 65,536 verified tokens, none past its end; at most 4,096 tokens wait for the
// thread, more are answered `busy`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "auth/identity.hpp"
#include "config/config.hpp"
#include "core/clock.hpp"

namespace zws {

enum class TokenFault : std::uint8_t { none, invalid, expired, busy };

struct Verdict {
  TokenFault fault = TokenFault::invalid;
  IdentityPtr identity;  // set when fault is none
  std::string reason;    // for the log: "signature does not match"; never the token
};

class Verifier {
 public:
  // Reads the configured keys. Throws StartupError{configuration} naming the key and file.
  explicit Verifier(const AuthConfig& config, const Clock& clock = Clock::real());
  ~Verifier();

  // True while no key is configured: open mode.
  bool open() const noexcept;

  // Calls `done` exactly once, inside the call or later on the verifier's thread.
  void verify(std::string_view token, std::function<void(Verdict)> done);

  // Reads the keys of a new configuration, all or nothing (throws StartupError and changes nothing).
  void reload(const AuthConfig& config);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zws
