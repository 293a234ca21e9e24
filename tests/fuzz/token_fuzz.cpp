// What strangers and files say about identity: each input is read or refused, never half.
// The first letter chooses the reader: t(oken), s(igned claims), c(laims), j(wks), p(em).
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auth/claims.hpp"
#include "auth/jwks.hpp"
#include "auth/pem.hpp"
#include "auth/token.hpp"
#include "auth/verifier.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "core/topic.hpp"
#include "unit/auth/forge.hpp"

namespace {

void demand(bool kept) {
  if (!kept) std::abort();
}

zws::AuthConfig with_secret() {
  zws::AuthConfig config;
  config.hs256_secret = std::string(32, 's');
  return config;
}

zws::Verifier& verifier() {
  static zws::Verifier one(with_secret());
  return one;
}

void read_token(const std::string& text) {
  std::string reason;
  const auto token = zws::Token::parse(text, reason);
  demand(token.has_value() == reason.empty());
  if (token) demand(text == std::string(token->signed_text) + '.' + std::string(token->signature));
  int answers = 0;
  verifier().verify(text, [&](const zws::Verdict& verdict) {
    ++answers;
    demand((verdict.fault == zws::TokenFault::none) == (verdict.identity != nullptr));
    if (!token) demand(verdict.reason == reason);
  });
  demand(answers == 1);
}

void read_claims(const std::string& json) {
  zws::AuthConfig config;
  config.require_exp = json.size() % 2 == 0;
  const zws::WallTime now{std::chrono::seconds(1'800'000'000)};
  const auto verdict = zws::judge_claims(json, zws::ClaimRules(config), now);
  demand((verdict.fault == zws::TokenFault::none) == (verdict.identity != nullptr));
  if (!verdict.identity) return demand(!verdict.reason.empty());
  const auto& identity = *verdict.identity;
  demand(!identity.user.empty() && identity.user.size() <= 200);
  demand(zws::topic_fault("@user/" + identity.user) == zws::TopicFault::none);
  demand(identity.ends ? *identity.ends > now : !config.require_exp);
  demand(identity.ends.has_value() != identity.expires.empty());
}

// What is signed with the right secret is judged by its claims and by nothing else.
void read_signed(const std::string& json) {
  using zws::forge::base64url;
  const std::string text = base64url(R"({"alg":"HS256"})") + '.' + base64url(json);
  const auto signer = zws::forge::Signer::secret(std::string(32, 's'));
  const std::string token = text + '.' + base64url(signer.sign("HS256", text));
  std::string reason;
  if (!zws::Token::parse(token, reason)) return;
  const auto now = std::chrono::system_clock::now();
  const auto expected = zws::judge_claims(json, zws::ClaimRules(with_secret()), now);
  verifier().verify(token, [&](const zws::Verdict& verdict) {
    demand(verdict.fault == expected.fault);
    demand((verdict.identity != nullptr) == (expected.identity != nullptr));
    if (verdict.identity) demand(verdict.identity->user == expected.identity->user);
  });
}

template <typename Read>
void read_keys(const std::string& text, Read read) {
  try {
    demand(!read(text, zws::KeySource("setting")).empty());
  } catch (const zws::StartupError& error) {
    const std::string line = error.what();
    demand(error.exit_code() == 2 && line.compare(0, 9, "setting: ") == 0 &&
           line.find('\n') == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  zws::log::configure(zws::log::Level::off, zws::log::Format::text);
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 't': read_token(text); break;
    case 's': read_signed(text); break;
    case 'c': read_claims(text); break;
    case 'j': read_keys(text, zws::keys_of_jwks); break;
    case 'p': read_keys(text, zws::keys_of_pem); break;
    default: break;
  }
  return 0;
}
