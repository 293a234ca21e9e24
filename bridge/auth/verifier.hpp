// Verifier: is this token good, and whose is it?
//
// Thread: everything from any thread. A cached answer and the HMAC algorithms come at once, inside
// the call; slower algorithms are checked on the verifier's own thread and `done` is called there,
// so a lane posts itself the result. Equal tokens that wait together are checked once, and who brings many
// others waits behind his own.
// Bounds: a token over 16 KiB, or nested deeper than 32, is invalid before anything is parsed; the
// cache holds at most 65,536 verified tokens in 64 MiB and answers for none past its end; at most
// 16,384 different tokens of 64 MiB wait for the thread, and 131,072 callers; more are answered
// `busy`. At most 1,024 of them wait for keys to be fetched, and no longer than two fetches take. Of
// each of these one address has no more than is left for all others.
// Failed tokens are not remembered: that memory would be an attacker's to fill.
// Secrecy: a token's text is in no log and in no reason, and the cache holds digests.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "auth/fetch_schedule.hpp"
#include "auth/verdict.hpp"
#include "config/config.hpp"
#include "core/clock.hpp"

namespace zws {

class KeySet;

class Verifier {
 public:
  // Reads the configured keys. Throws StartupError{configuration} naming the key and file.
  explicit Verifier(const AuthConfig& config, const Clock& clock = Clock::real());
  ~Verifier();

  // True while no key is configured: open mode. Every token is then invalid here.
  bool open() const noexcept;

  // Calls `done` exactly once, inside the call or later on the verifier's thread, which
  // only logs what it throws.
  // Of the addresses that tokens come `from` each has one checked in turn.
  void verify(std::string_view token, std::function<void(Verdict)> done,
              const std::string& from = {});

  // Judges whom a token proved by the rules in force now: whether they still have its key, and what
  // its claims mean. The signature is not checked again. Answers within the call.
  // Cost: none where the rules have not changed since, else reading the claims, some 10 us.
  Verdict again(const IdentityPtr& identity);

  // Whether a token may come from where too many failed lately: one that is known or costs little to
  // check, and is no guess. Never waits for the thread.
  bool passes(std::string_view token);

  // Reads the keys and rules of a new configuration, all or nothing (throws StartupError and changes
  // nothing), and forgets all verified tokens. Tokens that wait are judged by the new ones.
  void reload(const AuthConfig& config);

  // --- keys of auth.jwks_url, which a KeyFetcher brings ---

  // Whom to ask for a fetch: once, before the first token. `ask` says which one there is, whose end
  // fetch_ended() tells; it is called under the verifier's lock, and answers at once.
  void fetch_keys_by(std::function<KeyFetch()> ask);

  // They take the place of those that were fetched before, if `url` is still the one in force. All
  // verified tokens are forgotten. True where a key is gone: who had its token is to be judged again.
  bool take_fetched(const std::string& url, std::shared_ptr<const KeySet> keys);

  // Tokens that waited for keys are judged by those that are there now.
  void fetch_ended();

  // Ends the thread. Who still waits is answered `busy` inside the call, and so is every later token
  // that needs the thread. Call it before what the callbacks touch is gone; a second call does nothing.
  void stop() noexcept;

  // Signatures checked so far: what the cache and the waiting together save.
  std::uint64_t verifications() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zws
