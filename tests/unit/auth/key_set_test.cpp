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
  config_.hs256_secret_file = folder_.file("secret", std::string(31, 's') + "\r\n");
  EXPECT_THAT(refusal(), HasSubstr("31 bytes")) << "as an editor of Windows ends a line";
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

TEST_F(KeySetTest, ACertificateIsItsKey) {
  for (const Signer& signer : {Signer::rsa(), Signer::ec(), Signer::ed25519()})
    EXPECT_EQ(refusal_of_pem(signer.certificate_pem("idp", signer, "idp")), "");
  EXPECT_EQ(refusal_of_pem(Signer::rsa().pkcs1_pem()), "");
  const Signer late = Signer::ec();
  EXPECT_EQ(refusal_of_pem(late.certificate_pem("idp", late, "idp", -3600)), "") << "it has ended";
  const Signer weak = Signer::rsa(1024);
  EXPECT_THAT(refusal_of_pem(weak.certificate_pem("idp", weak, "idp")), HasSubstr("1024 bits"));
  std::string damaged = late.certificate_pem("idp", late, "idp");
  damaged.replace(damaged.find('\n') + 1, 4, "AAAA");
  EXPECT_THAT(refusal_of_pem(damaged), HasSubstr("damaged"));
}

// The keys of those who issued it sign other certificates, and no tokens.
TEST_F(KeySetTest, OfAChainOfCertificatesTheFirstIsTheKey) {
  const Signer leaf = Signer::ec(), middle = Signer::ec(), root = Signer::ec();
  const std::string own = leaf.certificate_pem("idp", middle, "middle");
  const std::string chain = own + middle.certificate_pem("middle", root, "root") +
                            root.certificate_pem("root", root, "root");
  config_.public_key_file = folder_.file("key.pem", chain);
  const KeySet keys(config_);
  const auto trusted = [&](const Signer& signer) {
    std::string reason;
    const std::string text = forge::token(signer, "ES256", "{}");
    const auto token = Token::parse(text, reason);
    return keys.serving(*token).at(0)->verifies(*token);
  };
  EXPECT_TRUE(trusted(leaf));
  EXPECT_FALSE(trusted(middle));
  EXPECT_FALSE(trusted(root));
  EXPECT_THAT(refusal_of_pem(own + root.certificate_pem("root", root, "root")),
              HasSubstr("more than one"));
  EXPECT_THAT(refusal_of_pem(own + middle.public_pem()), HasSubstr("more than one"));
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

// Of eight points, with signs and in every spelling.
TEST_F(KeySetTest, AnEd25519PointOfSmallOrderIsRefused) {
  const auto pem_of = [](const std::string& point) {
    const std::string der =
        std::string("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21", 11) + '\0' + point;
    std::string text(64, '\0');
    text.resize(static_cast<std::size_t>(
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), forge::bytes(der), 44)));
    return "-----BEGIN PUBLIC KEY-----\n" + text + "\n-----END PUBLIC KEY-----\n";
  };
  const auto jwk_of = [](const std::string& point) {
    return R"("kty":"OKP","crv":"Ed25519","x":")" + forge::base64url(point) + '"';
  };
  const std::string eight =
      "\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0"
      "\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05";
  const std::string zeros(31, '\0'), ones(30, '\xff');
  for (const std::string& point :
       {zeros + '\0', zeros + '\x80', '\x01' + zeros, '\x01' + std::string(30, '\0') + '\x80',
        '\xec' + ones + '\x7f', '\xed' + ones + '\x7f', '\xee' + ones + '\x7f', eight}) {
    EXPECT_THAT(refusal_of_pem(pem_of(point)),
                AllOf(HasSubstr("small order"), HasSubstr("allowed: ")));
    EXPECT_THAT(refusal_of_jwk(jwk_of(point)), HasSubstr("small order"));
  }
  const std::string good = Signer::ed25519().jwk();
  EXPECT_EQ(serving("{\"keys\":[{" + jwk_of(eight) + "},{" + good + "}]}", R"({"alg":"EdDSA"})"),
            1u)
      << "one odd key does not spoil a set";
}

TEST_F(KeySetTest, AJwksIsAnObjectWithKeys) {
  for (const std::string bad : {"[]", "{}", "{\"keys\":{}}", "{\"keys\":[],\"keys\":[]}", "keys",
                                "{\"keys\":[]}", "{\"keys\":[1]}", "{\"keys\":[{}]}"})
    EXPECT_THAT(refusal_of_jwks(bad), StartsWith("auth.jwks_file: ")) << bad;
  EXPECT_THAT(refusal_of_jwks(std::string(100'000, '[')), HasSubstr("good form"));
  std::string many = "{\"keys\":[" + std::string("{}");
  for (int i = 0; i < 100; ++i) many += ",{}";
  EXPECT_THAT(refusal_of_jwks(many + "]}"), HasSubstr("over 100"));
  std::string most = "{\"keys\":[{" + Signer::ed25519().jwk() + "}";
  for (int i = 1; i < 100; ++i) most += ",{}";
  EXPECT_EQ(refusal_of_jwks(most + "]}"), "");
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
  for (const char* beside : {"", R"(,"use":"enc")", R"(,"alg":"ES256K")", R"(,"key_ops":["sign"])"})
    EXPECT_THAT(refusal_of_jwk(Signer::ec().jwk() + R"(,"d":"AAAA")" + beside),
                HasSubstr("private key"));
  EXPECT_THAT(refusal_of_jwk(Signer::rsa(1024).jwk()), HasSubstr("1024 bits"));
  const std::string off_curve(43, 'A');
  EXPECT_THAT(refusal_of_jwk(R"("kty":"EC","crv":"P-256","x":")" + off_curve + R"(","y":")" +
                             off_curve + '"'),
              HasSubstr("no public key"));
  EXPECT_THAT(refusal_of_jwk(R"("kty":"EC","crv":"P-256","x":"AA*=","y":"AA")"),
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

TEST_F(KeySetTest, AKeyThatCannotBeUsedIsNamedWithItsReasonAndTheOthersServe) {
  const std::string rsa = Signer::rsa().jwk();
  const std::string good = "{" + Signer::rsa().jwk() + R"(,"kid":"good","alg":"RS256"})";
  const std::string off_curve(43, 'A');
  const std::vector<std::pair<std::string, std::string>> odd{
      {R"({"kid":"k","kty":"RSA","use":"enc","alg":"RSA-OAEP"})", R"(its use "enc" is not for)"},
      {"{" + rsa + R"(,"alg":"RSA-OAEP"})", R"(its alg "RSA-OAEP")"},
      {"{" + rsa + R"(,"alg":7})", "its alg is no string"},
      {R"({"kty":"later"})", R"(its kty "later")"},
      {R"({"kty":"\u001bEC"})", "x1b"},
      {R"({"kid":"k"})", "its kty is missing"},
      {R"({"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"})", R"(its crv "secp256k1")"},
      {R"({"kty":"OKP","crv":"Ed448","x":"AA"})", R"(its crv "Ed448")"},
      {R"({"kty":"RSA","alg":"RS256","x5c":["AA"]})", "it has x5c without"},
      {R"({"kty":"RSA","alg":"RS256","e":"AQAB"})", "its n is missing"},
      {R"({"kty":"RSA","alg":"RS256","n":"!","e":"AQAB"})", "its member n"},
      {R"({"kty":"RSA","alg":"RS256","n":"","e":"AQAB"})", "its member n"},
      {R"({"kty":"EC","crv":"P-256","x":")" + off_curve + R"(","y":")" + off_curve + "\"}",
       "no public key"},
      {"{" + Signer::rsa(1024).jwk() + "}", "1024 bits"},
      {"{" + rsa + R"(,"kid":7})", "its kid is no string"},
      {"{" + rsa + R"(,"key_ops":"verify"})", "key_ops"},
      {"17", "it is not a JSON object"},
      {"null", "it is not a JSON object"},
  };
  for (const auto& [jwk, why] : odd) {
    EXPECT_THAT(refusal_of_jwks("{\"keys\":[" + jwk + "]}"),
                AllOf(HasSubstr("no key that verifies"), HasSubstr("; key 1"), HasSubstr(why)));
    for (const std::string& list : {jwk + "," + good, good + "," + jwk})
      EXPECT_EQ(serving("{\"keys\":[" + list + "]}", R"({"alg":"RS256","kid":"good"})"), 1u) << jwk;
  }
}

// The names of keys are others' text, and so is all that a complaint shows.
TEST_F(KeySetTest, AKeyIsNamedByItsKid) {
  EXPECT_THAT(refusal_of_jwks(R"({"keys":[{"kid":"a\nb","kty":"x"},{"kty":"y"}]})"),
              AllOf(HasSubstr(R"(key 1 (a\x0ab): its kty "x")"), HasSubstr("key 2: its kty")));
}

TEST_F(KeySetTest, WhatIsUnsetPaddedOrForeignInAKeyDoesNoHarm) {
  const Signer signer = Signer::rsa();
  const std::string unset =
      R"(,"use":null,"alg":null,"kid":null,"key_ops":null,"d":null,"x5c":null,"exp":1e999})";
  EXPECT_EQ(serving("{\"keys\":[{" + signer.jwk() + unset + "]}", R"({"alg":"RS256","kid":"x"})"),
            1u);
  std::string plain = signer.jwk();
  for (char& c : plain) c = c == '-' ? '+' : c == '_' ? '/' : c;
  plain.replace(plain.find("\",\"e\""), 1, "==\"");
  EXPECT_EQ(
      serving(R"({"version":18446744073709551616,"keys":[{)" + plain + "}]}", R"({"alg":"RS256"})"),
      1u);
}

TEST_F(KeySetTest, TheSameKeyTwiceIsOne) {
  const std::string ec = Signer::ec().jwk();
  const std::string twice =
      "{\"keys\":[{" + ec + R"(,"kid":"a"},{)" + ec + R"(,"kid":"a"},{)" + ec + R"(,"kid":"b"}]})";
  EXPECT_EQ(serving(twice, R"({"alg":"ES256","kid":"a"})"), 1u);
  EXPECT_EQ(serving(twice, R"({"alg":"ES256","kid":"b"})"), 1u);
}

TEST_F(KeySetTest, AProvidersDescriptionIsNotItsKeys) {
  EXPECT_THAT(refusal_of_jwks(R"({"issuer":"https://id.example.org","jwks_uri":"https://x"})"),
              HasSubstr("jwks_uri"));
}

TEST_F(KeySetTest, Ed25519HasTwoNames) {
  const Signer signer = Signer::ed25519();
  for (const std::string alg : {"", R"(,"alg":"EdDSA")", R"(,"alg":"Ed25519")"}) {
    config_ = {};
    config_.jwks_file = folder_.file("keys.json", "{\"keys\":[{" + signer.jwk() + alg + "}]}");
    const KeySet keys(config_);
    for (const std::string name : {"EdDSA", "Ed25519"}) {
      const std::string text = forge::token(signer, name, "{}");
      std::string reason;
      const auto token = Token::parse(text, reason);
      ASSERT_EQ(keys.serving(*token).size(), 1u) << alg << name;
      EXPECT_TRUE(keys.serving(*token)[0]->verifies(*token)) << alg << name;
    }
  }
}

// What providers publish, in shape: members that are not ours, keys for encryption, keys to come.
TEST_F(KeySetTest, SetsInTheShapesOfProvidersServe) {
  const Signer rsa = Signer::rsa(), next = Signer::rsa(), ec = Signer::ec();
  const std::string x5c = R"("x5c":["MIIC"],"x5t":"c2hhMQ",)";
  const auto key = [](const std::string& before, const Signer& signer) {
    return "{" + before + signer.jwk() + "}";
  };
  struct Provider {
    const char *name, *header;
    std::string keys;
  };
  const Provider all[] = {
      {"Keycloak", R"({"alg":"RS256","typ":"JWT","kid":"sig"})",
       key(R"("kid":"enc","alg":"RSA-OAEP","use":"enc",)" + x5c, next) + "," +
           key(R"("kid":"sig","alg":"RS256","use":"sig","x5t#S256":"c2hh",)" + x5c, rsa)},
      {"Auth0", R"({"alg":"RS256","typ":"JWT","kid":"one"})",
       key(R"("use":"sig","kid":"one","alg":"RS256",)" + x5c, rsa) + "," +
           key(R"("use":"sig","kid":"two","alg":"RS256",)" + x5c, next)},
      {"Okta", R"({"kid":"one","alg":"RS256"})",
       key(R"("alg":"RS256","kid":"one","use":"sig","status":"ACTIVE","_links":{"self":{}},)",
           rsa)},
      {"Entra ID", R"({"typ":"JWT","alg":"RS256","x5t":"one","kid":"one"})",
       key(R"("use":"sig","kid":"one","cloud_instance_name":"example",)" + x5c, rsa) + "," +
           key(R"("use":"sig","kid":"two","issuer":"https://id.example.org/{tenantid}/v2.0",)",
               next)},
      {"Cognito", R"({"kid":"one=","alg":"RS256"})",
       key(R"("alg":"RS256","kid":"one=","use":"sig",)", rsa) + "," +
           key(R"("alg":"RS256","kid":"two=","use":"sig",)", next)},
      {"Google", R"({"alg":"RS256","kid":"0a","typ":"JWT"})",
       key(R"("kid":"0a","use":"sig","alg":"RS256",)", rsa) + "," +
           key(R"("kid":"0b","use":"sig","alg":"RS256",)", next)},
      {"Supabase", R"({"alg":"ES256","kid":"uuid","typ":"JWT"})",
       key(R"("alg":"ES256","ext":true,"key_ops":["verify"],"kid":"uuid","use":"sig",)", ec)},
      {"Clerk", R"({"alg":"RS256","cat":"cl_B7d4","kid":"ins_1","typ":"JWT"})",
       key(R"("use":"sig","kid":"ins_1","alg":"RS256",)", rsa)},
  };
  for (const Provider& provider : all) {
    config_ = {};
    config_.jwks_file = folder_.file("keys.json", R"({"keys":[)" + provider.keys + "]}");
    const KeySet keys(config_);
    const bool is_ec = std::string(provider.header).find("ES256") != std::string::npos;
    const std::string text =
        forge::token(is_ec ? ec : rsa, is_ec ? "ES256" : "RS256", provider.header, "{}");
    std::string reason;
    const auto token = Token::parse(text, reason);
    ASSERT_TRUE(token) << reason;
    ASSERT_EQ(keys.serving(*token).size(), 1u) << provider.name;
    EXPECT_TRUE(keys.serving(*token)[0]->verifies(*token)) << provider.name;
  }
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
