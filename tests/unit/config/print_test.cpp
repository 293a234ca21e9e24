// What is in force, as TOML that can be loaded again.
#include "config/print.hpp"

#include <gmock/gmock.h>

#include "config/reload.hpp"

namespace zws {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(PrintTest, PrintedConfigurationLoadsToTheSame) {
  const Config config = parse_config(R"(
    server.path = "/with\"quote"
    server.drain_timeout = "90s"
    auth.user.subscribe = ["a:*", "\u00fc"]
    auth.audience = ["live", "staging"]
    [auth.roles."on \"call\".\u00fc"]
    subscribe = ["import:*"]
    may = ["stats", "publish"]
    [auth.roles.nothing]
    [[route]]
    match = "a"
    history = 3
    [[route]]
    match = "*"
    overflow = "conflate"
  )",
                                     "bridge.toml", {});
  const Config again = parse_config(print_config(config), "printed", {});
  EXPECT_THAT(config_diff(config, again), IsEmpty());
  EXPECT_EQ(again.auth.roles.size(), 2u);
}

TEST(PrintTest, AsJsonItSaysWhenceAndWhenAChangeHolds) {
  Origins origins;
  const Config config = parse_config(R"(
    server.allowed_origins = ["https://a.example"]
    auth.hs256_secret = "0123456789abcdef0123456789abcdef"
    [auth.roles.ops]
    may = ["stats"]
    [[route]]
    match = "a"
    replay = 3
  )",
                                     "bridge.toml", {"", {}, {"log.level=debug"}}, &origins);
  const std::string json = config_json(config, origins);
  const auto holds = [&](const std::string& row) { EXPECT_THAT(json, HasSubstr(row)); };
  holds(R"({"key":"server.threads","value":0,"origin":"default","applies":"restart"})");
  holds(R"({"key":"server.allowed_origins","value":["https://a.example"],"origin":"bridge.toml:2",)"
        R"("applies":"reload"})");
  holds(R"({"key":"log.level","value":"debug","origin":"--set")");
  holds(R"({"key":"server.console","value":true)");
  holds(R"({"key":"auth.hs256_secret","value":"***","origin":"bridge.toml:3")");
  holds(R"({"key":"auth.hs256_previous_secret","value":"","origin":"default")");
  holds(R"({"key":"auth.roles.ops.may","value":["stats"],"origin":"bridge.toml:5")");
  holds(R"({"key":"route[0].replay","value":3,"origin":"bridge.toml:8")");
  EXPECT_THAT(json, Not(HasSubstr("0123456789")));
  EXPECT_EQ(json.front(), '[');
  EXPECT_EQ(json.back(), ']');
}

TEST(PrintTest, OriginStandsBehindEachValue) {
  Origins origins;
  const ConfigSources sources{"", {"ZWSBRIDGE_SERVER_THREADS=2"}, {"log.level=debug"}};
  const Config config = parse_config(
      "server.path = \"/p\"\n[[route]]\nmatch = \"a\"\n"
      "[auth.roles.ops]\nmay = [\"stats\"]\n",
      "/etc/bridge.toml", sources, &origins);
  const std::string text = print_config(config, &origins);
  EXPECT_THAT(text, HasSubstr("path = \"/p\"  # /etc/bridge.toml:1\n"));
  EXPECT_THAT(text, HasSubstr("threads = 2  # ZWSBRIDGE_SERVER_THREADS\n"));
  EXPECT_THAT(text, HasSubstr("level = \"debug\"  # --set\n"));
  EXPECT_THAT(text, HasSubstr("hwm = 10000  # default\n"));
  EXPECT_THAT(text, HasSubstr("match = \"a\"  # /etc/bridge.toml:3\n"));
  EXPECT_THAT(text, HasSubstr("may = [\"stats\"]  # /etc/bridge.toml:5\n"));
  EXPECT_THAT(text, HasSubstr("subscribe = []  # default\n"));
  EXPECT_THAT(print_config(config), Not(HasSubstr("#")));
}

TEST(PrintTest, OriginWithOddCharactersStaysAComment) {
  Origins origins;
  const Config config = parse_config("server.threads = 1", "odd\nlisten = 1", {}, &origins);
  const Config again = parse_config(print_config(config, &origins), "printed", {});
  EXPECT_THAT(config_diff(config, again), IsEmpty());
}

TEST(PrintTest, SecretsAreMasked) {
  const Config config =
      load_config({"", {}, {"auth.hs256_secret=0123456789abcdef0123456789abcdef-"}});
  EXPECT_THAT(print_config(config), HasSubstr("hs256_secret = \"***\"\n"));
  EXPECT_THAT(print_config(config), Not(HasSubstr("0123456789abcdef")));
  const Config rotated =
      load_config({"",
                   {},
                   {"auth.hs256_secret=0123456789abcdef0123456789abcdef-",
                    "auth.hs256_previous_secret=pppppppppppppppppppppppppppppppp"}});
  EXPECT_THAT(print_config(rotated), Not(HasSubstr("pppp")));
}

TEST(PrintTest, WhatLooksLikeASecretIsMaskedInEveryKey) {
  const std::string token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
  const Config config = parse_config(
      "auth.issuer = \"" + token + "\"\n[[route]]\nmatch = \"a\"\nkey = \"" + token + "\"\n", "f",
      {});
  EXPECT_THAT(print_config(config), Not(HasSubstr("c2ln")));
  EXPECT_THAT(print_config(config), HasSubstr("issuer = \"***\"\n"));
  for (const ConfigChange& change : config_diff(Config{}, config)) {
    EXPECT_THAT(change.after, Not(HasSubstr("c2ln"))) << change.key;
  }
}

TEST(PrintTest, ASecretInPlaceOfItsFilesPathIsNotPrinted) {
  const Config config = parse_config(
      "[auth]\nhs256_secret_file = \"hunter2!hunter2\"\nadmin_token_file = \"/tmp/admin\"\n", "",
      {});
  EXPECT_THAT(print_config(config), Not(HasSubstr("hunter2")));
  EXPECT_THAT(print_config(config), HasSubstr("hs256_secret_file = \"***\"\n"));
  EXPECT_THAT(print_config(config), HasSubstr("admin_token_file = \"/tmp/admin\"\n"));
}

TEST(PrintTest, WhatTurnsTextAroundOrIsUnseenIsEscaped) {
  const std::string odd = "a\u202eb\u200bc\ufeffd\u2066\u00ad\u00fc";
  const Config config = parse_config("auth.issuer = \"" + odd + "\"\n", "", {});
  const std::string printed = print_config(config);
  EXPECT_THAT(printed, HasSubstr(R"(issuer = "a\u202Eb\u200Bc\uFEFFd\u2066\u00AD)"
                                 "\u00fc\"\n"));
  EXPECT_EQ(parse_config(printed, "", {}).auth.issuer, config.auth.issuer);
}

}  // namespace
}  // namespace zws
