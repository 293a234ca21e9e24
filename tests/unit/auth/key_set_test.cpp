#include "auth/key_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.hpp"
#include "support/folder.hpp"
#include "unit/auth/forge.hpp"

namespace zws {
namespace {

using forge::Signer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class KeySetTest : public testing::Test {
 protected:
  // The line with which the configuration is refused; empty if it is not.
  std::string refusal() const {
    try {
      const KeySet keys(config_);
      return "";
    } catch (const StartupError& error) {
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.what();
    }
  }

  std::string refusal_of_pem(const std::string& content) {
    config_ = {};
    config_.public_key_file = folder_.file("key.pem", content);
    return refusal();
  }
  std::string refusal_of_jwks(const std::string& content) {
    config_ = {};
    config_.jwks_file = folder_.file("keys.json", content);
    return refusal();
  }
  std::string refusal_of_jwk(const std::string& members) {
    return refusal_of_jwks("{\"keys\":[{" + members + "}]}");
  }

  // How many keys of the JWKS would be tried for a token with this header.
  std::size_t serving(const std::string& jwks, const std::string& header) {
    config_ = {};
    config_.jwks_file = folder_.file("keys.json", jwks);
    const std::string text = forge::base64url(header) + ".e30.AAAA";
    std::string reason;
    return KeySet(config_).serving(*Token::parse(text, reason)).size();
  }

  Folder folder_;
  AuthConfig config_;
};

TEST_F(KeySetTest, NoKeyIsOpenMode) { EXPECT_TRUE(KeySet(config_).empty()); }

TEST_F(KeySetTest, ASecretHas32To1024Bytes) {
  config_.hs256_secret = std::string(31, 's');
  EXPECT_THAT(refusal(), AllOf(StartsWith("auth.hs256_secret: "), HasSubstr("32"),
                               Not(HasSubstr(config_.hs256_secret))));
  config_.hs256_secret = std::string(32, 's');
  EXPECT_EQ(refusal(), "");
  config_.hs256_secret = std::string(1024, 's');
  EXPECT_EQ(refusal(), "");
  config_.hs256_secret = std::string(1025, 's');
  EXPECT_THAT(refusal(), HasSubstr("1025 bytes"));
}

TEST_F(KeySetTest, ASecretFileLosesItsLastNewlineOnly) {
  const std::string secret = std::string(30, 's') + "\n\n";
  config_.hs256_secret_file = folder_.file("secret", secret + "\r\n");
  EXPECT_EQ(refusal(), "");
  config_.hs256_secret_file = folder_.file("secret", secret);
  EXPECT_THAT(refusal(), AllOf(StartsWith("auth.hs256_secret_file: "), HasSubstr("31 bytes"),
                               HasSubstr(config_.hs256_secret_file)));
}

TEST_F(KeySetTest, AFileThatCannotBeReadIsNamedWithItsKey) {
  const auto fifo = (folder_.path() / "fifo").string();
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const std::string missing = (folder_.path() / "none").string();
  for (auto setting :
       {&AuthConfig::hs256_secret_file, &AuthConfig::public_key_file, &AuthConfig::jwks_file}) {
    config_ = {};
    config_.*setting = missing;
    EXPECT_THAT(refusal(), AllOf(StartsWith("auth."), HasSubstr("_file: " + missing),
                                 HasSubstr("No such file")));
    config_.*setting = folder_.path().string();
    EXPECT_THAT(refusal(), HasSubstr("is a directory"));
    config_.*setting = fifo;
    EXPECT_THAT(refusal(), HasSubstr("is not a regular file"));
    config_.*setting = folder_.file("empty", "");
    EXPECT_THAT(refusal(), HasSubstr("is empty"));
    config_.*setting = folder_.file("large", std::string((1 << 20) + 1, 'a'));
    EXPECT_THAT(refusal(), HasSubstr("1 MiB"));
  }
}

TEST_F(KeySetTest, APathWithANewlineStaysOneLine) {
  config_.public_key_file = "/nowhere/a\nb";
  EXPECT_THAT(refusal(), HasSubstr("a\\x0ab"));
}

TEST_F(KeySetTest, PemKeysOfTheThreeKindsAreTaken) {
  EXPECT_EQ(refusal_of_pem(Signer::rsa().public_pem()), "");
  EXPECT_EQ(refusal_of_pem(Signer::ec().public_pem()), "");
  EXPECT_EQ(refusal_of_pem("comment\n" + Signer::ed25519().public_pem() + "\n"), "");
}

TEST_F(KeySetTest, APrivateKeyIsRefusedWhereAPublicOneBelongs) {
  for (const auto& pem :
       {Signer::rsa().private_pem(), Signer::ec().private_pem(), Signer::ed25519().private_pem()})
    EXPECT_THAT(refusal_of_pem(pem),
                AllOf(StartsWith("auth.public_key_file: "), HasSubstr("private key")));
  const auto ec = Signer::ec();
  EXPECT_THAT(refusal_of_pem(ec.public_pem() + ec.private_pem()), HasSubstr("private key"));
}

TEST_F(KeySetTest, WeakAndForeignPemKeysAreRefused) {
  EXPECT_THAT(refusal_of_pem(Signer::rsa(1024).public_pem()),
              AllOf(HasSubstr("1024 bits"), HasSubstr("2048")));
  EXPECT_THAT(refusal_of_pem(Signer::ec("P-384").public_pem()), HasSubstr("P-256"));
  EXPECT_THAT(refusal_of_pem(Signer::ec("secp256k1").public_pem()), HasSubstr("P-256"));
  EXPECT_THAT(refusal_of_pem("hello"), HasSubstr("holds no public key"));
  auto damaged = Signer::ec().public_pem();
  damaged[damaged.size() / 2] ^= 1;
  EXPECT_NE(refusal_of_pem(damaged), "");
  const auto pem = Signer::ec().public_pem();
  EXPECT_THAT(refusal_of_pem(pem + pem), HasSubstr("more than one"));
}

TEST_F(KeySetTest, AJwksIsAnObjectWithKeys) {
  for (const std::string bad : {"[]", "{}", "{\"keys\":{}}", "{\"keys\":[],\"keys\":[]}", "keys",
                                "{\"keys\":[]}", "{\"keys\":[1]}", "{\"keys\":[{}]}"})
    EXPECT_THAT(refusal_of_jwks(bad), StartsWith("auth.jwks_file: ")) << bad;
  EXPECT_THAT(refusal_of_jwks(std::string(100'000, '[')), HasSubstr("good form"));
  std::string many = "{\"keys\":[" + std::string("{}");
  for (int i = 0; i < 100; ++i) many += ",{}";
  EXPECT_THAT(refusal_of_jwks(many + "]}"), HasSubstr("over 100"));
}

TEST_F(KeySetTest, AJwkOfEachKindIsTaken) {
  EXPECT_EQ(refusal_of_jwk(Signer::rsa().jwk()), "");
  for (const char* curve : {"P-256", "P-384", "P-521"})
    EXPECT_EQ(refusal_of_jwk(Signer::ec(curve).jwk()), "") << curve;
  EXPECT_EQ(refusal_of_jwk(Signer::ed25519().jwk()), "");
  EXPECT_EQ(refusal_of_jwk(Signer::secret(forge::random_secret()).jwk() + R"(,"alg":"HS256")"), "");
}

TEST_F(KeySetTest, AJwksSecretIsAsLongAsItsHash) {
  const auto refusal_of = [&](std::size_t bytes, const std::string& algorithm) {
    return refusal_of_jwk(Signer::secret(forge::random_secret(bytes)).jwk() + R"(,"alg":")" +
                          algorithm + '"');
  };
  EXPECT_THAT(refusal_of(31, "HS256"), HasSubstr("32"));
  EXPECT_THAT(refusal_of(47, "HS384"), HasSubstr("48"));
  EXPECT_EQ(refusal_of(48, "HS384"), "");
  EXPECT_THAT(refusal_of(63, "HS512"), HasSubstr("64"));
  EXPECT_EQ(refusal_of(64, "HS512"), "");
  EXPECT_THAT(refusal_of(1025, "HS256"), HasSubstr("1024"));
}

TEST_F(KeySetTest, PrivateWeakAndDamagedJwksKeysAreRefused) {
  EXPECT_THAT(refusal_of_jwk(Signer::ec().jwk() + R"(,"d":"AAAA")"), HasSubstr("private key"));
  EXPECT_THAT(refusal_of_jwk(Signer::rsa(1024).jwk()), HasSubstr("1024 bits"));
  const std::string off_curve(43, 'A');
  EXPECT_THAT(refusal_of_jwk(R"("kty":"EC","crv":"P-256","x":")" + off_curve + R"(","y":")" +
                             off_curve + '"'),
              HasSubstr("no public key"));
  EXPECT_THAT(refusal_of_jwk(R"("kty":"EC","crv":"P-256","x":"AA==","y":"AA")"),
              HasSubstr("member x"));
  EXPECT_THAT(refusal_of_jwk(R"("kty":"OKP","crv":"Ed25519","x":"AAAA")"), HasSubstr("32 bytes"));
  std::string even = Signer::rsa().jwk();
  even.replace(even.find("AQAB"), 4, "AQAA");
  EXPECT_THAT(refusal_of_jwk(even), HasSubstr("no public key"));
  EXPECT_THAT(refusal_of_jwk(Signer::ec().jwk() + R"(,"kid":7)"), HasSubstr("kid"));
}

TEST_F(KeySetTest, KeysForSomethingElseAreSkippedAndOneMustBeLeft) {
  const std::string ec = Signer::ec().jwk();
  const std::string usable = "{" + ec + R"(,"kid":"mine"})";
  for (const std::string& other :
       {ec + R"(,"use":"enc")", ec + R"(,"key_ops":["sign"])", ec + R"(,"alg":"ECDH-ES")",
        ec + R"(,"alg":"HS256")", std::string(R"("kty":"OKP","crv":"X25519","x":"AAAA")"),
        std::string(R"("kty":"later")"), Signer::secret(forge::random_secret()).jwk()}) {
    EXPECT_THAT(refusal_of_jwk(other), HasSubstr("no key that verifies")) << other;
    const std::string both = "{\"keys\":[{" + other + "}," + usable + "]}";
    EXPECT_EQ(serving(both, R"({"alg":"ES256","kid":"mine"})"), 1u) << other;
    EXPECT_EQ(serving(both, R"({"alg":"ES256"})"), 1u) << other;
  }
  EXPECT_EQ(refusal_of_jwk(ec + R"(,"use":"sig","key_ops":["sign","verify"])"), "");
}

TEST_F(KeySetTest, KidAndAlgSelectTheKey) {
  const std::string first = Signer::ec().jwk(), second = Signer::ec().jwk();
  const std::string jwks = "{\"keys\":[{" + first + R"(,"kid":"a"},{)" + second +
                           R"(,"kid":"b"},{)" + Signer::rsa().jwk() +
                           R"(,"kid":"a","alg":"PS512"}]})";
  EXPECT_EQ(serving(jwks, R"({"alg":"ES256","kid":"a"})"), 1u);
  EXPECT_EQ(serving(jwks, R"({"alg":"ES256","kid":"c"})"), 0u);
  EXPECT_EQ(serving(jwks, R"({"alg":"ES256","kid":""})"), 0u);
  EXPECT_EQ(serving(jwks, R"({"alg":"ES256"})"), 2u);
  EXPECT_EQ(serving(jwks, R"({"alg":"PS512"})"), 1u);
  EXPECT_EQ(serving(jwks, R"({"alg":"PS512","kid":"b"})"), 0u);
  for (const std::string no : {"RS256", "PS256", "HS256", "none", "", "es256", "ES256 ", "ES384"})
    EXPECT_EQ(serving(jwks, R"({"alg":")" + no + "\"}"), 0u) << no;
}

TEST_F(KeySetTest, AKeyWithoutKidServesEveryKid) {
  const std::string jwks = "{\"keys\":[{" + Signer::rsa().jwk() + "}]}";
  EXPECT_EQ(serving(jwks, R"({"alg":"RS256","kid":"any"})"), 1u);
  EXPECT_EQ(serving(jwks, R"({"alg":"PS256"})"), 1u);
  EXPECT_EQ(serving(jwks, R"({"alg":"RS512"})"), 0u);
}

}  // namespace
}  // namespace zws
