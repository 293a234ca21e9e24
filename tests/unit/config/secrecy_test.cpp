// What may be a secret is not shown, wherever it stands.
#include "config/secrecy.hpp"

#include <gmock/gmock.h>

namespace zws::config {
namespace {

const std::string token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
const std::string pem =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ\n-----END PRIVATE KEY-----";
const std::string random_hex = "3f8a0c5de1b94f7793d2a6e80b1c4d5f";
const std::string curve_key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";

std::string shown_for(std::string_view key, const Value& value) {
  return shown(masked(key, value));
}

TEST(SecrecyTest, ATokenIsHiddenWhereverItStands) {
  EXPECT_EQ(without_secrets(token), "***");
  EXPECT_EQ(without_secrets("Bearer " + token + ", x"), "Bearer ***, x");
  EXPECT_EQ(without_secrets("https://a.example/?token=" + token), "https://a.example/?token=***");
  EXPECT_EQ(without_secrets(token.substr(0, 30)), "***");  // cut, as by an editor's line
}

TEST(SecrecyTest, APemBlockIsHiddenToItsEndOrAltogether) {
  EXPECT_EQ(without_secrets(pem), "***");
  EXPECT_EQ(without_secrets("key: " + pem + " and more"), "key: *** and more");
  EXPECT_EQ(without_secrets(pem.substr(0, 40)), "***");
}

TEST(SecrecyTest, ThePasswordOfAUrlIsHiddenAndTheRestIsShown) {
  EXPECT_EQ(without_secrets("redis://user:hunter2@db:6379/0"), "redis://user:***@db:6379/0");
  EXPECT_EQ(without_secrets("redis://:hunter2@db"), "redis://:***@db");
  EXPECT_EQ(without_secrets("a://b c://u:hunter2@d"), "a://b c://u:***@d");
  std::string marks;  // a stranger's: hours, if each were looked behind to the end
  for (int i = 0; i < 2'000'000; ++i) marks += "://";
  EXPECT_TRUE(without_secrets(marks) == marks);
  EXPECT_EQ(without_secrets("amqp://u:p@ss/w@rd@db \"x\""), "amqp://u:***@db \"x\"");
  EXPECT_EQ(without_secrets("a://u:1@b c://u:2@d"), "a://u:***@b c://u:***@d");
}

TEST(SecrecyTest, WhatIsNoSecretStays) {
  for (const std::string text :
       {"", "127.0.0.1:8000", "https://app.example.org:8443", "tcp://10.0.0.1:5556",
        "tcp://[::1]:5556", "ipc:///run/a:b@c", "redis://user@db", "import:*", "monkeyJar.example",
        "eyJ", "-----BEGIN", "/etc/zwsbridge/hs256",
        "/var/lib/3f8a0c5de1b94f7793d2a6e80b1c4d5f/key", "failed_tokens_per_minute",
        "inbox:{user}:*"}) {
    EXPECT_EQ(without_likely_secrets(text), text);
  }
}

TEST(SecrecyTest, WhatAGeneratorWroteIsHiddenInAComplaintOnly) {
  for (const std::string& secret : {random_hex, curve_key, "q83+/w" + random_hex + "=="}) {
    EXPECT_EQ(without_likely_secrets(secret), "***");
    EXPECT_EQ(without_secrets(secret), secret);  // a client's id at an issuer looks the same
  }
}

TEST(SecrecyTest, NamesThatMayBeSecretsAreKnownHoweverTheyAreWritten) {
  for (const std::string name :
       {"auth", "auth.hmac", "Auth", "atuh.hs256_secert", "server.password", "API_TOKEN",
        "ZWSBRIDGE_AUTH_HMAC", "redis", "tls_kye.pwd", "jwt"}) {
    EXPECT_TRUE(names_secret(name)) << name;
  }
  for (const std::string name : {"server.lisen", "history.sise", "route[0].macth", "limit"}) {
    EXPECT_FALSE(names_secret(name)) << name;
  }
}

TEST(SecrecyTest, AKnownKeySaysItselfWhetherItIsSecret) {
  EXPECT_EQ(shown_for("auth.hs256_secret", std::string("short")), "\"***\"");
  EXPECT_EQ(shown_for("auth.issuer", std::string("me")), "\"me\"");
  EXPECT_EQ(shown_for("auth.user.subscribe[1]", std::string("b*c")), "\"b*c\"");
  EXPECT_EQ(shown_for("route[0].key", std::string("id")), "\"id\"");
  EXPECT_EQ(shown_for("auth.user", std::string("hunter2")), "\"***\"");
}

TEST(SecrecyTest, WhatBelongsToNoKeyIsHidden) {
  for (const std::string key : {"server", "server.lisen", "x", "route", "route[0]", "route[0].mach",
                                "auth.roles", "auth.roles.ops", "auth.roles.ops.mya"})
    EXPECT_EQ(shown_for(key, std::string("hunter2")), "\"***\"") << key;
  EXPECT_EQ(shown_for("auth.roles.ops.may[0]", std::string("stat")), "\"stat\"");
}

TEST(SecrecyTest, WhatIsNoPathIsHiddenWhereAPathBelongs) {
  for (const std::string text :
       {"correct horse battery staple 32 bytes", "hunter2!hunter2.hunter2#hunter2",
        "/hunter2hunter2", "/hunter2/hunter2", "//hunter2", "/tmp/hunter2!", "hunter2/hunter2.pem",
        "hunter2.pem", R"({"keys":[{"kty":"oct","k":"aHVudGVyMg"}]})", "/tmp/\nhunter2"}) {
    EXPECT_EQ(shown_path(text), "***") << text;
    EXPECT_EQ(shown_for("auth.hs256_secret_file", text), "\"***\"");
    EXPECT_EQ(shown_for("ingest.curve_secret_key_file", text), "\"***\"");
  }
  EXPECT_EQ(shown_path("/tmp/" + token), "***");
  EXPECT_EQ(shown_for("auth.jwks_file", std::vector<std::string>{"/tmp/x"}), "\"***\"");
  EXPECT_EQ(shown_for("auth.hs256_secret_file", std::int64_t{4711}), "\"***\"");
}

TEST(SecrecyTest, WhatIsPlainlyAPathIsShown) {
  for (const std::string text : {"", "/", "/tmp", "/tmp/not-there/hs256", "./not-there.pem",
                                 "/etc/zws bridge/a+b=c@d,e~f.pem", "../keys/x"})
    EXPECT_EQ(shown_path(text), text);
}

TEST(SecrecyTest, ValuesOfEveryKindAreMasked) {
  const std::vector<std::string> list{"a", token};
  EXPECT_EQ(shown_for("server.allowed_origins", list), "[\"a\", \"***\"]");
  EXPECT_EQ(shown_for("auth.pin", std::int64_t{1234}), "\"***\"");
  EXPECT_EQ(shown_for("auth.pin", Foreign{"1.5"}), "\"***\"");
  EXPECT_EQ(shown_for("server.threads", std::int64_t{1234}), "1234");
  EXPECT_EQ(shown_for("server.path", pem), "\"***\"");
  EXPECT_EQ(toml_text(value_without_secrets(list)), "[\"a\", \"***\"]");
}

}  // namespace
}  // namespace zws::config
