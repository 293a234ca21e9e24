#include "auth/verifier.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <atomic>
#include <future>
#include <thread>

#include "auth/jwks.hpp"
#include "auth/key_set.hpp"
#include "core/error.hpp"
#include "support/folder.hpp"
#include "unit/auth/forge.hpp"

namespace zws {
namespace {

using forge::Signer;

constexpr std::int64_t start_s = 1'800'000'000;
constexpr char ada[] = R"({"sub":"ada","exp":1800003600})";

class HandClock : public Clock {
 public:
  WallTime wall() const noexcept override { return WallTime(std::chrono::seconds(now_s)); }
  std::int64_t now_s = start_s;
};

class VerifierTest : public testing::Test {
 protected:
  Verdict ask(const std::string& token) {
    auto answer = std::make_shared<std::promise<Verdict>>();
    auto future = answer->get_future();
    verifier().verify(token, [answer](Verdict verdict) { answer->set_value(std::move(verdict)); });
    if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready)
      throw std::runtime_error("no answer within a minute");
    return future.get();
  }

  bool good(const std::string& token) { return ask(token).fault == TokenFault::none; }
  bool invalid(const std::string& token) {
    const auto verdict = ask(token);
    return verdict.fault == TokenFault::invalid && !verdict.identity && !verdict.reason.empty();
  }

  Verifier& verifier() {
    if (!verifier_) verifier_ = std::make_unique<Verifier>(config_, clock_);
    return *verifier_;
  }

  void use_secret(const std::string& secret) { config_.hs256_secret = secret; }
  void use_pem(const Signer& signer) {
    config_.public_key_file = folder_.file("key.pem", signer.public_pem());
  }
  void use_jwks(const std::string& keys) {
    config_.jwks_file = folder_.file("keys.json", "{\"keys\":[" + keys + "]}");
  }

  Folder folder_;
  HandClock clock_;
  AuthConfig config_;
  std::unique_ptr<Verifier> verifier_;
};

std::string jwk(const Signer& signer, const std::string& algorithm, const std::string& kid = "") {
  return '{' + signer.jwk() + R"(,"alg":")" + algorithm + '"' +
         (kid.empty() ? "" : R"(,"kid":")" + kid + '"') + '}';
}

TEST_F(VerifierTest, BothSecretsOfARotationAreGoodAndNoThird) {
  config_.hs256_secret = std::string(32, 'n');
  config_.hs256_previous_secret_file = folder_.file("old", std::string(32, 'o') + "\n");
  const auto of = [](char c) {
    return forge::token(Signer::secret(std::string(32, c)), "HS256", ada);
  };
  EXPECT_TRUE(good(of('n')));
  EXPECT_TRUE(good(of('o')));
  EXPECT_TRUE(invalid(of('x')));
}

// Keys that are fetched.
class FetchedKeysTest : public VerifierTest {
 protected:
  FetchedKeysTest() {
    config_.jwks_url = url_;
    verifier().fetch_keys_by([this] {
      ++asked_;
      return fetch_.load();
    });
  }

  std::future<Verdict> begin(const std::string& token) {
    auto answer = std::make_shared<std::promise<Verdict>>();
    verifier().verify(token, [answer](Verdict verdict) { answer->set_value(std::move(verdict)); });
    return answer->get_future();
  }

  static bool waits(const std::future<Verdict>& answer) {
    return answer.wait_for(std::chrono::seconds(0)) == std::future_status::timeout;
  }

  bool take(const std::string& keys, const std::string& url) {
    return verifier().take_fetched(
        url, std::make_shared<const KeySet>(
                 keys_of_jwks("{\"keys\":[" + keys + "]}", KeySource("auth.jwks_url"))));
  }

  static std::string token(const Signer& signer, const std::string& kid) {
    return forge::token(signer, "ES256", R"({"alg":"ES256","kid":")" + kid + "\"}", ada);
  }

  const std::string url_ = "https://id.example.org/keys";
  std::atomic<KeyFetch> fetch_ = KeyFetch::begins;  // the thread asks, too
  std::atomic<int> asked_ = 0;
};

TEST_F(FetchedKeysTest, ATokenOfAnUnknownKeyWaitsForOneFetchAndNoLonger) {
  const Signer first = Signer::ec();
  const Signer second = Signer::ec();
  EXPECT_FALSE(verifier().open());
  auto early = begin(token(first, "a"));
  EXPECT_TRUE(waits(early));
  EXPECT_FALSE(take(jwk(first, "ES256", "a"), url_));
  EXPECT_EQ(early.get().fault, TokenFault::none);
  EXPECT_EQ(asked_, 1);

  auto unknown = begin(token(second, "b"));
  auto the_same = begin(token(second, "b"));
  EXPECT_TRUE(waits(unknown));
  EXPECT_TRUE(good(token(first, "a"))) << "nobody else waits";
  verifier().fetch_ended();
  EXPECT_EQ(unknown.get().fault, TokenFault::invalid);
  EXPECT_FALSE(the_same.get().counts) << "an unknown kid is no guess";

  fetch_ = KeyFetch::none;
  EXPECT_TRUE(invalid(token(second, "b"))) << "at once, where no fetch comes";
}

TEST_F(FetchedKeysTest, ATokenWaitsForAFetchThatBeganAfterItCame) {
  const Signer first = Signer::ec();
  const Signer second = Signer::ec();
  take(jwk(first, "ES256", "a"), url_);
  fetch_ = KeyFetch::runs;
  auto unknown = begin(token(second, "b"));
  EXPECT_TRUE(waits(unknown));
  fetch_ = KeyFetch::begins;
  verifier().fetch_ended();  // what it brought was published before the key was
  while (asked_ < 2 && waits(unknown)) std::this_thread::yield();
  take(jwk(first, "ES256", "a") + ',' + jwk(second, "ES256", "b"), url_);
  EXPECT_EQ(unknown.get().fault, TokenFault::none);
}

TEST_F(FetchedKeysTest, BeforeTheFirstKeysATokenIsNeitherGoodNorBad) {
  fetch_ = KeyFetch::none;
  EXPECT_EQ(ask(token(Signer::ec(), "a")).fault, TokenFault::busy);
  EXPECT_TRUE(invalid(forge::token(Signer::secret(forge::random_secret()), "HS256", ada)));
}

TEST_F(FetchedKeysTest, AKeyThatGoesTakesItsTokensWithItAndOneThatComesTakesNone) {
  const Signer first = Signer::ec();
  const Signer second = Signer::ec();
  EXPECT_FALSE(take(jwk(first, "ES256", "a"), "https://another.example.org/")) << "not ours";
  EXPECT_FALSE(take(jwk(first, "ES256", "a"), url_));
  const auto ada_of_first = ask(token(first, "a")).identity;
  ASSERT_TRUE(ada_of_first);
  EXPECT_FALSE(take(jwk(first, "ES256", "a") + ',' + jwk(second, "ES256", "b"), url_));
  EXPECT_EQ(verifier().again(ada_of_first).identity, ada_of_first);
  verifier().reload(config_);
  EXPECT_TRUE(good(token(first, "a"))) << "a reload keeps what was fetched";
  EXPECT_TRUE(take(jwk(second, "ES256", "b"), url_));
  EXPECT_EQ(verifier().again(ada_of_first).fault, TokenFault::invalid);
  fetch_ = KeyFetch::none;
  EXPECT_TRUE(invalid(token(first, "a")));
  EXPECT_TRUE(good(token(second, "b")));
}

// Where too many tokens failed, only what is known or costs little to check is let through.
TEST_F(VerifierTest, WhatIsKnownOrCheapPassesAndGuessesDoNot) {
  const Signer signer = Signer::rsa();
  const std::string secret = forge::random_secret();
  use_secret(secret);
  use_jwks(jwk(signer, "RS256", "now"));
  const auto of_kid = [&](const std::string& kid) {
    return forge::token(signer, "RS256", R"({"alg":"RS256","kid":")" + kid + "\"}", ada);
  };
  const std::string cheap = forge::token(Signer::secret(secret), "HS256", ada);
  const std::string guessed = forge::token(Signer::secret(forge::random_secret()), "HS256", ada);
  const std::string slow = of_kid("now");
  EXPECT_TRUE(verifier().passes(cheap));
  EXPECT_FALSE(verifier().passes(guessed));
  EXPECT_FALSE(verifier().passes("rubbish"));
  EXPECT_FALSE(verifier().passes(slow)) << "it would need the thread";
  EXPECT_TRUE(good(slow));
  EXPECT_TRUE(verifier().passes(slow)) << "it is known now";
  EXPECT_TRUE(verifier().passes(of_kid("tomorrow"))) << "an unknown kid";
}

TEST_F(VerifierTest, WithoutAKeyItIsOpenAndEveryTokenIsInvalid) {
  EXPECT_TRUE(verifier().open());
  EXPECT_TRUE(invalid(forge::token(Signer::secret(std::string(32, 's')), "HS256", ada)));
}

TEST_F(VerifierTest, ASecretVerifiesHs256) {
  const auto secret = forge::random_secret();
  use_secret(secret);
  EXPECT_FALSE(verifier().open());
  const auto verdict = ask(forge::token(Signer::secret(secret), "HS256", ada));
  ASSERT_EQ(verdict.fault, TokenFault::none) << verdict.reason;
  EXPECT_EQ(verdict.identity->user, "ada");
  EXPECT_TRUE(invalid(forge::token(Signer::secret(secret), "HS384", ada)));
  EXPECT_TRUE(invalid(forge::token(Signer::secret(forge::random_secret()), "HS256", ada)));
}

TEST_F(VerifierTest, ASecretFileVerifiesHs256) {
  config_.hs256_secret_file = folder_.file("secret", "a secret of more than 32 bytes, newline\n");
  EXPECT_TRUE(
      good(forge::token(Signer::secret("a secret of more than 32 bytes, newline"), "HS256", ada)));
}

TEST_F(VerifierTest, AnRsaPemVerifiesRs256AndPs256Only) {
  const auto rsa = Signer::rsa();
  use_pem(rsa);
  for (const char* yes : {"RS256", "PS256"}) EXPECT_TRUE(good(forge::token(rsa, yes, ada))) << yes;
  for (const char* no : {"RS384", "RS512", "PS384", "PS512"})
    EXPECT_TRUE(invalid(forge::token(rsa, no, ada))) << no;
  EXPECT_TRUE(invalid(forge::token(Signer::rsa(), "RS256", ada)));
}

TEST_F(VerifierTest, AP256PemVerifiesEs256) {
  const auto ec = Signer::ec();
  use_pem(ec);
  EXPECT_TRUE(good(forge::token(ec, "ES256", ada)));
  EXPECT_TRUE(invalid(forge::token(ec, "ES384", ada)));
  EXPECT_TRUE(invalid(forge::token(Signer::ec(), "ES256", ada)));
}

TEST_F(VerifierTest, AnEd25519PemVerifiesEdDsa) {
  const auto ed25519 = Signer::ed25519();
  use_pem(ed25519);
  EXPECT_TRUE(good(forge::token(ed25519, "EdDSA", ada)));
  EXPECT_TRUE(invalid(forge::token(Signer::ed25519(), "EdDSA", ada)));
}

TEST_F(VerifierTest, EachKeyOfAJwksVerifiesItsOwnAlg) {
  const std::vector<std::pair<std::string, Signer>> signers{
      {"HS256", Signer::secret(forge::random_secret(32))},
      {"HS384", Signer::secret(forge::random_secret(48))},
      {"HS512", Signer::secret(forge::random_secret(64))},
      {"RS256", Signer::rsa()},
      {"RS384", Signer::rsa()},
      {"RS512", Signer::rsa()},
      {"PS256", Signer::rsa()},
      {"PS384", Signer::rsa()},
      {"PS512", Signer::rsa()},
      {"ES256", Signer::ec("P-256")},
      {"ES384", Signer::ec("P-384")},
      {"ES512", Signer::ec("P-521")},
      {"EdDSA", Signer::ed25519()},
  };
  std::string keys;
  for (const auto& [algorithm, signer] : signers)
    keys += (keys.empty() ? "" : ",") + jwk(signer, algorithm, "kid-" + algorithm);
  use_jwks(keys);
  for (const auto& [algorithm, signer] : signers) {
    const auto with_kid = [&, &name = algorithm](const std::string& kid) {
      return R"({"alg":")" + name + R"(","kid":")" + kid + "\"}";
    };
    EXPECT_TRUE(good(forge::token(signer, algorithm, with_kid("kid-" + algorithm), ada)));
    EXPECT_TRUE(good(forge::token(signer, algorithm, ada))) << algorithm << " without kid";
    EXPECT_TRUE(invalid(forge::token(signer, algorithm, with_kid("kid"), ada))) << algorithm;
    EXPECT_TRUE(invalid(forge::token(signer, algorithm, with_kid("kid-none"), ada))) << algorithm;
  }
}

TEST_F(VerifierTest, KeysOfAllSourcesCountTogether) {
  const auto secret = forge::random_secret();
  const auto first = Signer::ec(), second = Signer::ec(), third = Signer::ec();
  use_secret(secret);
  use_pem(first);
  use_jwks(jwk(second, "ES256") + ',' + jwk(third, "ES256"));
  EXPECT_TRUE(good(forge::token(Signer::secret(secret), "HS256", ada)));
  for (const auto& ec : {first, second, third}) EXPECT_TRUE(good(forge::token(ec, "ES256", ada)));
}

TEST_F(VerifierTest, NoChangedCharacterIsAccepted) {
  const auto secret = forge::random_secret();
  const auto ec = Signer::ec(), ed25519 = Signer::ed25519();
  use_secret(secret);
  use_jwks(jwk(ec, "ES256") + ',' + jwk(ed25519, "EdDSA"));
  for (const auto& token : {forge::token(Signer::secret(secret), "HS256", ada),
                            forge::token(ec, "ES256", ada), forge::token(ed25519, "EdDSA", ada)}) {
    ASSERT_TRUE(good(token));
    for (std::size_t i = 0; i < token.size(); ++i) {
      std::string changed = token;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(good(changed)) << "character " << i;
      changed = token;
      EXPECT_FALSE(good(changed.erase(i, 1))) << "character " << i;
    }
  }
}

TEST_F(VerifierTest, ThePublicKeyIsNoHmacSecret) {
  const auto rsa = Signer::rsa(), ec = Signer::ec();
  use_pem(rsa);
  use_jwks(jwk(ec, "ES256", "ec"));
  for (const auto& text : {rsa.public_pem(), ec.public_pem(), rsa.jwk(), ec.jwk()})
    for (const char* algorithm : {"HS256", "HS384", "HS512"}) {
      EXPECT_TRUE(invalid(forge::token(Signer::secret(text), algorithm, ada)));
      // The same under the name of an algorithm that the key does serve.
      EXPECT_TRUE(invalid(
          forge::token(Signer::secret(text), algorithm, R"({"alg":"RS256","typ":"JWT"})", ada)));
    }
}

TEST_F(VerifierTest, NoneIsNoAlgorithm) {
  const auto secret = forge::random_secret();
  use_secret(secret);
  const std::string claims = forge::base64url(ada);
  for (const char* none : {"none", "None", "nOnE", "NONE", "", "hs256", "HS256 ", "HS-256"}) {
    const std::string header = R"({"alg":")" + std::string(none) + "\"}";
    EXPECT_TRUE(invalid(forge::base64url(header) + '.' + claims + '.')) << none;
    EXPECT_TRUE(invalid(forge::base64url(header) + '.' + claims + ".AAAA")) << none;
    EXPECT_TRUE(invalid(forge::token(Signer::secret(secret), "HS256", header, ada))) << none;
  }
  EXPECT_EQ(verifier().verifications(), 0u);
}

TEST_F(VerifierTest, OnePaddingIsNotTakenForTheOther) {
  const auto rsa = Signer::rsa();
  use_pem(rsa);
  EXPECT_TRUE(invalid(forge::token(rsa, "PS256", R"({"alg":"RS256"})", ada)));
  EXPECT_TRUE(invalid(forge::token(rsa, "RS256", R"({"alg":"PS256"})", ada)));
}

TEST_F(VerifierTest, AnEcdsaSignatureHasItsOneLength) {
  const auto ec = Signer::ec();
  use_pem(ec);
  const auto token = forge::token(ec, "ES256", ada);
  const auto text = token.substr(0, token.rfind('.') + 1);
  EXPECT_TRUE(invalid(text + forge::base64url(std::string(64, '\0'))));
  EXPECT_TRUE(invalid(text + forge::base64url(std::string(63, '\1'))));
  EXPECT_TRUE(invalid(text + forge::base64url(std::string(72, '\1'))));
  EXPECT_TRUE(invalid(token + "AAAA"));
}

TEST_F(VerifierTest, TheHeaderBringsNoKeyAndNoExtension) {
  const auto secret = forge::random_secret();
  const auto mine = Signer::ec(), theirs = Signer::ec();
  use_secret(secret);
  use_jwks(jwk(mine, "ES256", "mine"));
  const std::string brought = R"({"alg":"ES256","jwk":{)" + theirs.jwk() + "}}";
  EXPECT_TRUE(invalid(forge::token(theirs, "ES256", brought, ada)));
  EXPECT_TRUE(good(forge::token(mine, "ES256", brought, ada))) << "members not understood are left";
  for (const char* more : {R"("jku":"https://x.example/keys")", R"("x5u":"file:///etc/passwd")",
                           R"("kid":"../../../../dev/null")", R"("kid":"mine' OR 1=1")"})
    EXPECT_TRUE(invalid(
        forge::token(theirs, "ES256", R"({"alg":"ES256",)" + std::string(more) + "}", ada)));
  for (const char* crit : {R"(["exp"])", R"(["b64"])", "[]"})
    EXPECT_TRUE(invalid(
        forge::token(Signer::secret(secret), "HS256",
                     R"({"alg":"HS256","b64":false,"crit":)" + std::string(crit) + "}", ada)));
}

TEST_F(VerifierTest, AKidWithAPathOpensNoFile) {
  // An empty file as the secret is what such a token hopes for.
  use_secret(forge::random_secret());
  const auto empty = Signer::secret(std::string(1, '\0'));
  EXPECT_TRUE(invalid(forge::token(empty, "HS256", R"({"alg":"HS256","kid":"/dev/null"})", ada)));
}

TEST_F(VerifierTest, OversizedAndDeepTokensAreRefusedUnparsed) {
  const auto secret = forge::random_secret();
  const auto signer = Signer::secret(secret);
  use_secret(secret);
  EXPECT_TRUE(invalid(std::string(100 * 1024, 'A')));
  EXPECT_TRUE(invalid(std::string(100'000, '[')));
  EXPECT_TRUE(invalid(forge::token(
      signer, "HS256",
      R"({"sub":"ada","exp":1800003600,"x":")" + std::string(100 * 1024, 'x') + "\"}")));
  EXPECT_EQ(verifier().verifications(), 0u);
  EXPECT_TRUE(invalid(forge::token(signer, "HS256", std::string(10'000, '['))));
  EXPECT_TRUE(invalid(forge::token(signer, "HS256", std::string(10'000, '['), ada)));
  EXPECT_TRUE(good(
      forge::token(signer, "HS256",
                   R"({"sub":"ada","exp":1800003600,"x":")" + std::string(11'000, 'x') + "\"}")));
}

TEST_F(VerifierTest, DuplicateMembersAreRefusedInBothParts) {
  const auto secret = forge::random_secret();
  const auto signer = Signer::secret(secret);
  use_secret(secret);
  EXPECT_TRUE(invalid(forge::token(signer, "HS256", R"({"alg":"HS256","alg":"HS256"})", ada)));
  EXPECT_TRUE(invalid(forge::token(signer, "HS256", R"({"alg":"none","\u0061lg":"HS256"})", ada)));
  EXPECT_TRUE(
      invalid(forge::token(signer, "HS256", R"({"sub":"ada","sub":"root","exp":1800003600})")));
}

TEST_F(VerifierTest, ARefusalLeavesNoTrace) {
  const auto rsa = Signer::rsa(), ec = Signer::ec();
  use_pem(rsa);
  use_jwks(jwk(ec, "ES256") + ',' + jwk(Signer::secret(forge::random_secret()), "HS256"));
  const auto token = forge::token(Signer::rsa(), "RS256", ada);
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const auto verdict = ask(token);
  EXPECT_TRUE(invalid(forge::token(Signer::ec(), "ES256", ada)));
  EXPECT_TRUE(invalid(token.substr(0, token.rfind('.')) + ".AAAA"));
  EXPECT_TRUE(invalid(forge::token(Signer::secret("short"), "HS256", ada)));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(verdict.reason, "the signature does not match");
  EXPECT_EQ(ERR_peek_error(), 0u) << "the next TLS call would take it for its own";
}

TEST_F(VerifierTest, AVerifiedTokenIsNotVerifiedAgain) {
  const auto secret = forge::random_secret();
  const auto ec = Signer::ec();
  use_secret(secret);
  use_pem(ec);
  const auto fast = forge::token(Signer::secret(secret), "HS256", ada);
  const auto slow = forge::token(ec, "ES256", ada);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(good(fast));
    EXPECT_TRUE(good(slow));
  }
  EXPECT_EQ(verifier().verifications(), 2u);
}

TEST_F(VerifierTest, AFailedTokenIsNotRemembered) {
  use_secret(forge::random_secret());
  const auto token = forge::token(Signer::secret(forge::random_secret()), "HS256", ada);
  EXPECT_TRUE(invalid(token));
  EXPECT_TRUE(invalid(token));
  EXPECT_EQ(verifier().verifications(), 2u);
}

TEST_F(VerifierTest, ARememberedTokenEndsWhenItsTimeComes) {
  const auto secret = forge::random_secret();
  use_secret(secret);
  const auto token = forge::token(Signer::secret(secret), "HS256", ada);
  EXPECT_TRUE(good(token));
  clock_.now_s = start_s + 3629;
  EXPECT_TRUE(good(token));
  clock_.now_s = start_s + 3630;
  EXPECT_EQ(ask(token).fault, TokenFault::expired);
  EXPECT_EQ(verifier().verifications(), 1u);
  EXPECT_EQ(ask(token).fault, TokenFault::expired);
}

TEST_F(VerifierTest, ReloadChangesKeysAndForgetsTokens) {
  const auto secret = forge::random_secret(), next = forge::random_secret();
  use_secret(secret);
  const auto token = forge::token(Signer::secret(secret), "HS256", ada);
  EXPECT_TRUE(good(token));
  use_secret(next);
  verifier().reload(config_);
  EXPECT_TRUE(invalid(token));
  EXPECT_TRUE(good(forge::token(Signer::secret(next), "HS256", ada)));
  config_.audience = {"live"};
  verifier().reload(config_);
  EXPECT_TRUE(invalid(forge::token(Signer::secret(next), "HS256", ada)));
  verifier().reload(AuthConfig());
  EXPECT_TRUE(verifier().open());
}

TEST_F(VerifierTest, ABadReloadChangesNothing) {
  const auto secret = forge::random_secret();
  use_secret(secret);
  const auto token = forge::token(Signer::secret(secret), "HS256", ada);
  EXPECT_TRUE(good(token));
  auto bad = config_;
  bad.hs256_secret = forge::random_secret();
  bad.jwks_file = folder_.file("keys.json", "{}");
  EXPECT_THROW(verifier().reload(bad), StartupError);
  EXPECT_TRUE(good(token));
  EXPECT_EQ(verifier().verifications(), 1u);
}

// --- judged again --------------------------------------------------------------------------------

TEST_F(VerifierTest, WhoseKeyIsTakenOutIsGoodNoMore) {
  const Signer old = Signer::rsa(), next = Signer::ed25519();
  const auto secret = forge::random_secret();
  use_secret(secret);
  use_pem(old);
  use_jwks(jwk(next, "EdDSA", "next"));
  const auto by_secret = ask(forge::token(Signer::secret(secret), "HS256", ada)).identity;
  const auto by_pem = ask(forge::token(old, "RS256", ada)).identity;
  const auto by_jwks = ask(forge::token(next, "EdDSA", ada)).identity;
  config_.public_key_file.clear();
  verifier().reload(config_);
  EXPECT_EQ(verifier().again(by_pem).fault, TokenFault::invalid);
  EXPECT_EQ(verifier().again(by_secret).fault, TokenFault::none);
  EXPECT_EQ(verifier().again(by_jwks).fault, TokenFault::none);
  EXPECT_EQ(verifier().verifications(), 3u) << "no signature is checked again";
}

// A rotation moves keys, and a key may come out of another file under a name of its own.
TEST_F(VerifierTest, AKeyThatOnlyMovedIsTheSame) {
  const Signer signer = Signer::rsa();
  const auto secret = forge::random_secret();
  use_secret(secret);
  use_pem(signer);
  const auto by_secret = ask(forge::token(Signer::secret(secret), "HS256", ada)).identity;
  const auto by_key = ask(forge::token(signer, "PS256", ada)).identity;
  config_.hs256_previous_secret = config_.hs256_secret;
  use_secret(forge::random_secret());
  config_.public_key_file.clear();
  use_jwks('{' + signer.jwk() + R"(,"kid":"a"})");
  verifier().reload(config_);
  EXPECT_EQ(verifier().again(by_secret).fault, TokenFault::none);
  EXPECT_EQ(verifier().again(by_key).fault, TokenFault::none);
}

TEST_F(VerifierTest, ClaimsMeanWhatTheNewRulesSay) {
  const auto secret = forge::random_secret();
  use_secret(secret);
  const auto token =
      forge::token(Signer::secret(secret), "HS256",
                   R"({"sub":"ada","id":7,"exp":1800003600,"iss":"a","groups":["boss"]})");
  const auto who = ask(token).identity;
  config_.claims.user = "id";
  config_.claims.roles = {"groups"};
  config_.claims.admin = {"boss"};
  config_.issuer = {"a"};
  verifier().reload(config_);
  const auto now = verifier().again(who).identity;
  ASSERT_TRUE(now);
  EXPECT_EQ(now->user, "7");
  EXPECT_TRUE(now->admin);
  EXPECT_EQ(verifier().again(now).identity, now) << "it is judged by these already";
  config_.issuer = {"b"};
  verifier().reload(config_);
  EXPECT_EQ(verifier().again(now).fault, TokenFault::invalid);
}

// Or a clock that was put back would end sessions at any reload: their tokens are from tomorrow.
TEST_F(VerifierTest, AReloadThatChangesNothingJudgesNothing) {
  const auto secret = forge::random_secret();
  use_secret(secret);
  const auto who = ask(forge::token(Signer::secret(secret), "HS256",
                                    R"({"sub":"ada","exp":1800003600,"iat":1800000000})"))
                       .identity;
  clock_.now_s -= 3600;
  config_.expiry_grace = std::chrono::seconds(1);
  verifier().reload(config_);
  EXPECT_EQ(verifier().again(who).identity, who);
  clock_.now_s += 3 * 3600;
  EXPECT_EQ(verifier().again(who).fault, TokenFault::expired);
}

}  // namespace
}  // namespace zws
