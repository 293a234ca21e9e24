// What file, environment and --set become, and what is said when they are wrong.
#include "config/load.hpp"

#include <gmock/gmock.h>

#include <map>

#include "core/error.hpp"
#include "support/folder.hpp"

namespace zws {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Config parse(const std::string& text, const ConfigSources& sources = {}) {
  return parse_config(text, "bridge.toml", sources);
}

ConfigSources environment(std::vector<std::string> variables) {
  return {"", std::move(variables), {}};
}

ConfigSources settings(std::vector<std::string> settings) { return {"", {}, std::move(settings)}; }

// The complaint about a configuration that must be refused, with exit code 2 and in one line.
std::string complaint(const std::string& text, const ConfigSources& sources = {}) {
  try {
    parse(text, sources);
  } catch (const StartupError& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return {};
}

TEST(LoadTest, NothingAtAllIsTheDefaults) {
  const Config config = load_config({});
  EXPECT_THAT(config.server.listen, ElementsAre("localhost:8000"));
  EXPECT_EQ(config.limits.queue_bytes, 1'048'576u);
  EXPECT_TRUE(config.routes.empty());
}

TEST(LoadTest, EachTypeIsReadFromTheFile) {
  const Config config = parse(R"(
    [server]
    threads = 3
    console = false
    drain_timeout = "1500ms"
    allowed_origins = ["https://a.example", "http://b.example:8080"]
    [auth.anonymous]
    connect = false
    [log]
    level = "debug"
  )");
  EXPECT_EQ(config.server.threads, 3u);
  EXPECT_FALSE(config.server.console);
  EXPECT_EQ(config.server.drain_timeout, Duration{1500});
  EXPECT_THAT(config.server.allowed_origins,
              ElementsAre("https://a.example", "http://b.example:8080"));
  EXPECT_FALSE(config.auth.anonymous.connect);
  EXPECT_EQ(config.log.level, log::Level::debug);
}

TEST(LoadTest, RolesAreTablesOfAnyNameAndAddUpOverTheirSources) {
  ConfigSources sources = environment({"ZWSBRIDGE_AUTH_ROLES={ops = {may = [\"stats\"]}, b = {}}"});
  sources.set = {"auth.roles.a.b.may=[\"notify\"]", "auth.roles.b.may=notify"};
  Origins origins;
  const Config config = parse_config(R"(
    [auth.roles.ops]
    subscribe = ["import:*", "inbox:{user}:*"]
    may = ["publish"]
    [auth.roles."on call"]
  )",
                                     "f", sources, &origins);
  ASSERT_EQ(config.auth.roles.size(), 4u);
  EXPECT_THAT(config.auth.roles.at("ops").subscribe, ElementsAre("import:*", "inbox:{user}:*"));
  EXPECT_THAT(config.auth.roles.at("ops").may, ElementsAre("stats"));
  EXPECT_THAT(config.auth.roles.at("a.b").may, ElementsAre("notify"));
  EXPECT_THAT(config.auth.roles.at("b").may, ElementsAre("notify"));
  EXPECT_EQ(origins.at("auth.roles.ops.may"), "ZWSBRIDGE_AUTH_ROLES");
}

TEST(LoadTest, ARoleThatCannotBeIsNamed) {
  EXPECT_THAT(complaint("[auth.roles.ops]\nmay = [\"fly\"]"),
              AllOf(HasSubstr(":2: auth.roles.ops.may[0] = \"fly\""), HasSubstr("\"disconnect\"")));
  EXPECT_THAT(complaint("[auth.roles.ops]\nsubscribe = [\"a*b\"]"), HasSubstr("subscribe[0]"));
  EXPECT_THAT(complaint("[auth.roles.ops]\ncan = 1"), HasSubstr("subscribe, may"));
  EXPECT_THAT(complaint("[auth.roles]\nops = [\"stats\"]"), HasSubstr("[auth.roles.NAME]"));
  EXPECT_THAT(complaint("[auth]\nroles = 1"), HasSubstr("[auth.roles.NAME]"));
}

TEST(LoadTest, IssuerAndAudienceAreATextOrAList) {
  EXPECT_THAT(parse("[auth]\nissuer = \"a\"").auth.issuer, ElementsAre("a"));
  EXPECT_THAT(parse("[auth]\naudience = [\"a\", \"b\"]").auth.audience, ElementsAre("a", "b"));
  EXPECT_THAT(complaint("[auth]\nissuer = [\"\"]"), HasSubstr("auth.issuer[0]"));
}

TEST(LoadTest, APreviousSecretIsBesideAPresentOneAndNotShown) {
  const std::string secret(32, 's');
  const std::string previous = "hs256_previous_secret = \"" + std::string(32, 'p') + "\"";
  parse("[auth]\nhs256_secret = \"" + secret + "\"\n" + previous);
  EXPECT_THAT(complaint("[auth]\n" + previous),
              AllOf(HasSubstr("only together"), Not(HasSubstr("ppp"))));
}

TEST(LoadTest, RoutesKeepTheirOrderAndTheirGaps) {
  const Config config = parse(R"(
    [[route]]
    match = "import:*"
    replay = 1
    overflow = "conflate"
    key = "task_id"
    [[route]]
    match = "*"
    history = 0
    ttl = "1h"
    format = "raw"
  )");
  ASSERT_EQ(config.routes.size(), 2u);
  EXPECT_EQ(config.routes[0].match, "import:*");
  EXPECT_EQ(config.routes[0].overflow, Overflow::conflate);
  EXPECT_EQ(config.routes[0].key, "task_id");
  EXPECT_FALSE(config.routes[0].history.has_value());
  EXPECT_EQ(config.routes[1].history, std::size_t{0});
  EXPECT_EQ(config.routes[1].ttl, Duration{3'600'000});
  EXPECT_EQ(config.routes[1].format, EventFormat::raw);
}

TEST(LoadTest, EnvironmentBeatsFileAndSetBeatsBoth) {
  const std::string file = "[limits]\nsubscriptions = 1\ntopics = 1\nreplay_events = 1\n";
  ConfigSources sources =
      environment({"ZWSBRIDGE_LIMITS_TOPICS=2", "ZWSBRIDGE_LIMITS_REPLAY_EVENTS=2"});
  sources.set = {"limits.replay_events=3"};
  const Config config = parse(file, sources);
  EXPECT_EQ(config.limits.subscriptions, 1u);
  EXPECT_EQ(config.limits.topics, 2u);
  EXPECT_EQ(config.limits.replay_events, 3u);
}

TEST(LoadTest, LastSettingOfAKeyHolds) {
  EXPECT_EQ(parse("", settings({"server.threads=1", "server.threads=2"})).server.threads, 2u);
}

TEST(LoadTest, EnvironmentReachesNestedTables) {
  const Config config = parse("", environment({"ZWSBRIDGE_AUTH_ANONYMOUS_CONNECT=false",
                                               "ZWSBRIDGE_AUTH_USER_SUBSCRIBE=[\"a:{user}\"]"}));
  EXPECT_FALSE(config.auth.anonymous.connect);
  EXPECT_THAT(config.auth.user.subscribe, ElementsAre("a:{user}"));
}

TEST(LoadTest, LooseValuesAreTomlElseStrings) {
  for (const std::string text : {"127.0.0.1:9000", "\"127.0.0.1:9000\"", "[\"127.0.0.1:9000\"]"}) {
    EXPECT_THAT(parse("", settings({"server.listen=" + text})).server.listen,
                ElementsAre("127.0.0.1:9000"));
  }
  EXPECT_EQ(parse("", settings({"auth.issuer=a = b"})).auth.issuer,
            std::vector<std::string>{"a = b"});
  EXPECT_EQ(parse("", settings({"auth.issuer="})).auth.issuer, std::vector<std::string>{});
  EXPECT_THAT(
      parse("", settings({"ingest.bind=[\"ipc:///tmp/a\", \"tcp://127.0.0.1:1\"]"})).ingest.bind,
      ElementsAre("ipc:///tmp/a", "tcp://127.0.0.1:1"));
}

TEST(LoadTest, LooseValueCannotWriteOtherKeys) {
  const Config config = parse("", settings({"auth.issuer=1\nvalue2=3"}));
  EXPECT_EQ(config.auth.issuer, std::vector<std::string>{"1\nvalue2=3"});
}

TEST(LoadTest, AStringKeyTakesATextAsItIs) {
  for (const std::string text : {"4711", "1e5", "true", "2026-01-01", "{}", "a # b", " "}) {
    EXPECT_THAT(parse("", environment({"ZWSBRIDGE_AUTH_ISSUER=" + text})).auth.issuer,
                ElementsAre(text));
    EXPECT_THAT(parse("", settings({"auth.issuer=" + text})).auth.issuer, ElementsAre(text));
  }
  for (const std::string secret :
       {"0123456789012345678901234567890123456789",  // no number for TOML
        "1234567890123456789012345678901234567.5"}) {
    EXPECT_EQ(parse("", environment({"ZWSBRIDGE_AUTH_HS256_SECRET=" + secret})).auth.hs256_secret,
              secret);
  }
  EXPECT_THAT(parse("", environment({"ZWSBRIDGE_AUTH_ISSUER=\"a\\tb\""})).auth.issuer,
              ElementsAre("a\tb"));
  EXPECT_THAT(parse("", environment({"ZWSBRIDGE_AUTH_ISSUER='4711'"})).auth.issuer,
              ElementsAre("4711"));
}

TEST(LoadTest, OneTextIsAListOfOne) {
  for (const std::string text :
       {"https://a.example", "\"https://a.example\"", "[\"https://a.example\"]"}) {
    EXPECT_THAT(
        parse("", environment({"ZWSBRIDGE_SERVER_ALLOWED_ORIGINS=" + text})).server.allowed_origins,
        ElementsAre("https://a.example"));
    EXPECT_THAT(parse("", settings({"server.allowed_origins=" + text})).server.allowed_origins,
                ElementsAre("https://a.example"));
  }
  EXPECT_THAT(parse("", environment({"ZWSBRIDGE_INGEST_SUBSCRIBE=4711"})).ingest.subscribe,
              ElementsAre("4711"));
}

TEST(LoadTest, WhatIsNoListIsRefusedWithBothWaysToWriteOne) {
  for (const std::string text : {"[https://a.example]", "[\"https://a.example\"",
                                 "https://a.example,https://b.example", "*"}) {
    EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_SERVER_ALLOWED_ORIGINS=" + text})),
                HasSubstr("; one of them as it is, several as [\"a\", \"b\"]"))
        << text;
  }
  EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_INGEST_SUBSCRIBE=[import]"})),
              HasSubstr("several as"));
  EXPECT_THAT(complaint("", settings({"ingest.bind="})), HasSubstr("several as"));
}

// It would be the name of an issuer that no token has, and nobody would get in.
TEST(LoadTest, WhatBeginsAsAListIsNoTextForAKeyThatTakesBoth) {
  for (const std::string text : {"[a, b]", "[\"a\"", "[\"a\", 1]", " [a]", "[https://a.example]",
                                 "[\"\"]", "[\"a\", \"\"]"}) {
    for (const std::string key : {"ISSUER", "AUDIENCE", "CLAIMS_ADMIN"})
      EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_AUTH_" + key + '=' + text})),
                  HasSubstr("several as [\"a\", \"b\"]"))
          << text;
  }
  EXPECT_THAT(complaint("", settings({"auth.roles.ops.subscribe=[import:*]"})),
              HasSubstr("auth.roles.ops.subscribe"));
  EXPECT_THAT(parse("", environment({"ZWSBRIDGE_AUTH_ISSUER=\"[a]\""})).auth.issuer,
              ElementsAre("[a]"));
  EXPECT_THAT(parse("", environment({"ZWSBRIDGE_SERVER_LISTEN=[::1]:8000"})).server.listen,
              ElementsAre("[::1]:8000"));
  EXPECT_EQ(
      parse("", environment({"ZWSBRIDGE_AUTH_HS256_SECRET=[a-secret-of-more-than-32-bytes]x"}))
          .auth.hs256_secret,
      "[a-secret-of-more-than-32-bytes]x");
}

TEST(LoadTest, AnEmptyVariableIsUnset) {
  const std::string file = "[auth]\nissuer = \"me\"\n[server]\nthreads = 3\n";
  const Config config =
      parse(file, environment({"ZWSBRIDGE_AUTH_ISSUER=", "ZWSBRIDGE_SERVER_THREADS=",
                               "ZWSBRIDGE_ROUTE=", "ZWSBRIDGE_SERVER_CONSOLE="}));
  EXPECT_THAT(config.auth.issuer, ElementsAre("me"));
  EXPECT_EQ(config.server.threads, 3u);
  EXPECT_TRUE(config.server.console);
  EXPECT_THAT(parse(file, environment({"ZWSBRIDGE_AUTH_ISSUER=\"\""})).auth.issuer, IsEmpty());
}

TEST(LoadTest, RoutesOfANearerSourceReplaceAll) {
  Origins origins;
  const Config config =
      parse_config("[[route]]\nmatch = \"a\"\nreplay = 1\n[[route]]\nmatch = \"b\"\n",
                   "bridge.toml", environment({"ZWSBRIDGE_ROUTE=[{match = \"c\"}]"}), &origins);
  ASSERT_EQ(config.routes.size(), 1u);
  EXPECT_EQ(config.routes[0].match, "c");
  EXPECT_EQ(config.routes[0].replay, 0u);
  EXPECT_THAT(origins, ElementsAre(testing::Pair("route[0].match", "ZWSBRIDGE_ROUTE")));
}

TEST(LoadTest, OriginNamesLineVariableOrSet) {
  Origins origins;
  ConfigSources sources = environment({"ZWSBRIDGE_LOG_LEVEL=debug"});
  sources.set = {"log.format=json"};
  parse_config("\n[server]\nthreads = 1\n", "bridge.toml", sources, &origins);
  EXPECT_THAT(origins, ElementsAre(testing::Pair("log.format", "--set"),
                                   testing::Pair("log.level", "ZWSBRIDGE_LOG_LEVEL"),
                                   testing::Pair("server.threads", "bridge.toml:3")));
}

TEST(LoadTest, VariablesOfOthersAreIgnored) {
  parse("", environment({"PATH=/bin", "ZWSBRIDGE=1", "HOME", "ZWS_TOKEN=x"}));
}

TEST(LoadTest, ServiceLinksAndThePlaceOfTheProgramAreNoSettings) {
  parse("", environment({"ZWSBRIDGE_SERVICE_HOST=10.0.0.1", "ZWSBRIDGE_PORT=tcp://10.0.0.1:8000",
                         "ZWSBRIDGE_PORT_8000_TCP_ADDR=10.0.0.1", "ZWSBRIDGE_BIN=/x"}));
  parse("", environment({"ZWSBRIDGE_ADMIN_SERVICE_PORT_HTTP=80",
                         "ZWSBRIDGE_ADMIN_PORT_80_TCP=tcp://10.0.0.1:80"}));
  EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_PORT=9000"})), HasSubstr("ZWSBRIDGE_PORT"));
  EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_SERVICE_TIMEOUT=9"})),
              HasSubstr("unknown key"));
}

TEST(LoadTest, ComplaintNamesFileLineKeyValueAndWhatIsAllowed) {
  EXPECT_EQ(complaint("[server]\n\nthreads = 1000\n"),
            "bridge.toml:3: server.threads = 1000: allowed is an integer from 0 to 256");
}

TEST(LoadTest, ComplaintNamesVariableOrSetting) {
  EXPECT_EQ(
      complaint("", environment({"ZWSBRIDGE_SERVER_THREADS=many"})),
      "ZWSBRIDGE_SERVER_THREADS: server.threads = \"many\": allowed is an integer from 0 to 256");
  EXPECT_EQ(complaint("", settings({"server.console=1"})),
            "--set: server.console = 1: allowed is true or false");
}

TEST(LoadTest, WrongTypesAreRefused) {
  for (const std::string bad : {"server.threads = \"3\"",
                                "server.threads = 3.0",
                                "server.threads = true",
                                "server.threads = -1",
                                "server.console = \"yes\"",
                                "server.console = 1",
                                "server.drain_timeout = 10",
                                "server.drain_timeout = \"10\"",
                                "server.drain_timeout = \"-1s\"",
                                "server.drain_timeout = \"1 s\"",
                                "server.drain_timeout = \"10d\"",
                                "server.max_connection_age = \"-1s\"",
                                "server.max_connection_age = \"721h\"",
                                "server.listen = 8000",
                                "server.listen = 2020-01-01",
                                "server.allowed_origins = \"https://a.example\"",
                                "server.allowed_origins = [1]",
                                "server.allowed_origins = [\"https://a.example\", 1]",
                                "server = 1",
                                "server.path = {}",
                                "log.level = \"loud\"",
                                "log.format = false",
                                "limits.queue_bytes = \"1 MiB\""}) {
    EXPECT_THAT(complaint(bad), HasSubstr("allowed is")) << bad;
  }
}

TEST(LoadTest, ImpossibleValuesAreRefused) {
  for (const std::string bad : {"server.listen = \"8000\"",
                                "server.listen = \"127.0.0.1:99999\"",
                                "server.listen = \"example.org:80\"",
                                "server.listen = []",
                                "server.listen = \"\"",
                                "server.listen = \"unix:\"",
                                "server.listen = [\"127.0.0.1:8000\", \"8000\"]",
                                "server.path = \"ws\"",
                                "server.path = \"/a?b\"",
                                "server.allowed_origins = [\"*\"]",
                                "server.allowed_origins = [\"https://a.example/\"]",
                                "server.allowed_origins = [\"a.example\"]",
                                "server.trusted_proxies = [\"10.0.0.0/33\"]",
                                "server.trusted_proxies = [\"proxy\"]",
                                "ingest.bind = [\"127.0.0.1:5556\"]",
                                "relay.redis = \"127.0.0.1:6379\"",
                                "relay.redis = \"http://127.0.0.1\"",
                                "relay.redis = \"redis://\"",
                                "relay.redis = \"redis://a:99999\"",
                                "relay.redis = \"redis://a/first\"",
                                "relay.redis = \"redis://a/12345\"",
                                "ingest.ipc_mode = \"1777\"",
                                "ingest.ipc_mode = \"777\"",
                                "ingest.ipc_mode = \"0778\"",
                                "relay.redis = \"redis://[::1\"",
                                "relay.prefix = \"\"",
                                "relay.prefix = \"zws*\"",
                                "relay.name = \"a b\"",
                                "ingest.bind = [\"udp://127.0.0.1:5556\"]",
                                "ingest.bind = [\"tcp://127.0.0.1\"]",
                                "ingest.connect = [\"tcp://*:5556\"]",
                                "ingest.connect = [\"tcp://host:0\"]",
                                "ingest.hwm = 0",
                                "auth.hs256_secret = \"too short\"",
                                "auth.user.subscribe = [\"im*port\"]",
                                "auth.anonymous.subscribe = [\"\"]",
                                "heartbeat.interval = \"0s\"",
                                "limits.queue_bytes = 0",
                                "limits.queue_bytes = 1023",
                                "limits.topics = 9223372036854775807"}) {
    EXPECT_THAT(complaint(bad), HasSubstr("allowed is")) << bad;
  }
}

TEST(LoadTest, SecretThatNoSignatureIsCheckedWithIsRefused) {
  for (const std::size_t size : {1, 31, 1025}) {
    EXPECT_THAT(complaint("auth.hs256_secret = '" + std::string(size, 'x') + '\''),
                HasSubstr("32 to 1024 bytes"));
  }
  parse("auth.hs256_secret = '" + std::string(1024, 'x') + '\'');
}

TEST(LoadTest, BadElementOfAListIsNamed) {
  EXPECT_THAT(complaint("auth.user.subscribe = [\"a:*\", \"b*c\"]"),
              AllOf(HasSubstr("auth.user.subscribe[1] = \"b*c\""), Not(HasSubstr("a:*\","))));
}

TEST(LoadTest, UnknownKeyIsRefusedWithASuggestion) {
  EXPECT_EQ(complaint("[server]\nlisten_on = \"127.0.0.1:1\"\n"),
            "bridge.toml:2: server.listen_on: unknown key, did you mean "
            "server.listen?");
  EXPECT_THAT(complaint("sever.listen = \"\""), HasSubstr("did you mean server?"));
  EXPECT_THAT(complaint("[limits]\nqueue_byte = 1"), HasSubstr("did you mean limits.queue_bytes?"));
  EXPECT_THAT(complaint("[server]\nqueue_bytes = 1"),
              HasSubstr("did you mean limits.queue_bytes?"));
  EXPECT_THAT(complaint("", settings({"heartbeat.intervall=10s"})),
              HasSubstr("did you mean heartbeat.interval?"));
  EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_SERVER_LISTN=x"})),
              AllOf(HasSubstr("environment: ZWSBRIDGE_SERVER_LISTN"),
                    HasSubstr("did you mean ZWSBRIDGE_SERVER_LISTEN?")));
  EXPECT_THAT(complaint("[[route]]\nmatch = \"a\"\nmacth = \"b\""),
              AllOf(HasSubstr("bridge.toml:3: "), HasSubstr("did you mean route[0].match?")));
}

TEST(LoadTest, AVariableWithoutItsTableIsKnownAndOneThatOnlyLooksAlikeIsNot) {
  EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_HS256_SECRET=x"})),
              HasSubstr("did you mean ZWSBRIDGE_AUTH_HS256_SECRET?"));
  EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_LISTEN=x"})),
              HasSubstr("did you mean ZWSBRIDGE_SERVER_LISTEN?"));
  for (const std::string name : {"ZWSBRIDGE_PORT", "ZWSBRIDGE_X", "ZWSBRIDGE_"})
    EXPECT_THAT(complaint("", environment({name + "=x"})),
                HasSubstr("as in ZWSBRIDGE_SERVER_LISTEN"));
  EXPECT_THAT(complaint("[auth.role.ops]\nmay = []"), HasSubstr("did you mean auth.roles?"));
}

TEST(LoadTest, WhatIsNearlyRightIsToldHowToWriteIt) {
  EXPECT_THAT(complaint("[heartbeat]\ninterval = 10"), HasSubstr("; write \"10s\""));
  EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_HEARTBEAT_INTERVAL=10"})),
              HasSubstr("; write \"10s\""));
  EXPECT_THAT(complaint("[[route]]\nmatch = \"a\"\nttl = \"5\""), HasSubstr("; write \"5s\""));
  for (const auto& [text, meant] : std::map<std::string, std::string>{
           {"5min", "5m"}, {"10 s", "10s"}, {"2 hours", "2h"}, {"1d", "24h"}, {"500msec", "500ms"}})
    EXPECT_THAT(complaint("history.ttl = \"" + text + '"'), HasSubstr("; write \"" + meant + '"'));
  for (const std::string text : {"soon", "5 parsecs", "9999 weeks", "-1d", "99999999999999999999d"})
    EXPECT_EQ(complaint("history.ttl = \"" + text + '"').find("; write"), std::string::npos)
        << text;
  EXPECT_THAT(complaint("[heartbeat]\ninterval = 100000"), Not(HasSubstr("write")));
  EXPECT_THAT(complaint("[heartbeat]\ninterval = \"often\""), Not(HasSubstr("write")));
  EXPECT_THAT(complaint("[[route]]\nmatch = \"a\"\nreplay = \"1\""), HasSubstr("; write 1"));
  for (const std::string size : {"1MiB", "1024 k", "1M", "1048576"})
    EXPECT_THAT(complaint("limits.queue_bytes = \"" + size + '"'), HasSubstr("; write 1048576"));
  for (const std::string size : {"9999999999999G", "1 TB", "1Mb", "much", "1kk", "1k"})
    EXPECT_EQ(complaint("limits.queue_bytes = \"" + size + '"').find("; write 1048576"),
              std::string::npos)
        << size;
  EXPECT_THAT(complaint("limits.replay_events = \"1k\""), Not(HasSubstr("write")));
  EXPECT_THAT(complaint("auth.hs256_secret = \"/etc/zwsbridge/secret\""),
              AllOf(HasSubstr("; write the path of its file as auth.hs256_secret_file"),
                    Not(HasSubstr("/etc"))));
  EXPECT_THAT(complaint("auth.hs256_secret = \"short\""), Not(HasSubstr("write")));
  EXPECT_THAT(complaint("[routes]\nmatch = \"a\""),
              HasSubstr("did you mean route (in a file [[route]])?"));
  EXPECT_THAT(complaint("[server]\nallowed_origins = \"https://a.example\""),
              HasSubstr("; write [\"https://a.example\"]"));
  EXPECT_THAT(complaint("[auth.roles.ops]\nmay = \"stats\""), HasSubstr("; write [\"stats\"]"));
  EXPECT_THAT(complaint("[server]\nallowed_origins = 1"), HasSubstr("; write [\"...\"]"));
  EXPECT_THAT(complaint("[server]\nlisten = \"0.0.0.0\""),
              AllOf(HasSubstr("ADDRESS:PORT"), Not(HasSubstr("; write"))))
      << "a list of it would be refused, too";
}

TEST(LoadTest, UnknownKeyNearNothingIsToldWhatThereIs) {
  EXPECT_THAT(complaint("[history]\ncompression = true"),
              HasSubstr("allowed in [history] are size, ttl, bytes"));
  EXPECT_THAT(complaint("[limits]\nnope = 1"), HasSubstr("allowed in [limits] are connections, "));
  EXPECT_THAT(complaint("[cluster]\nnode = 1"),
              AllOf(HasSubstr("bridge.toml:1: cluster"), HasSubstr("allowed are [server], ")));
  EXPECT_THAT(complaint("[[route]]\nmatch = \"a\"\nwhatever = 1"),
              HasSubstr("allowed in [[route]] are match, format"));
}

TEST(LoadTest, SecretsAreNeverQuoted) {
  const std::string secret = "hunter2-hunter2";
  EXPECT_THAT(complaint("auth.hs256_secret = \"" + secret + "\""),
              AllOf(HasSubstr("auth.hs256_secret = \"***\""), Not(HasSubstr(secret))));
  EXPECT_THAT(complaint("auth.hs256_secret = [\"" + secret + "\"]"), Not(HasSubstr(secret)));
  EXPECT_THAT(complaint("auth.hs256_secert = \"" + secret + "\""), Not(HasSubstr(secret)));
  EXPECT_THAT(complaint("auth.password = \"" + secret + "\""), Not(HasSubstr(secret)));
  EXPECT_THAT(complaint("auth.hmac = \"" + secret + "\""), Not(HasSubstr(secret)));
  EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_AUTH_HMAC=" + secret})),
              Not(HasSubstr(secret)));
  EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_HS256_SECRET=" + secret})),
              Not(HasSubstr(secret)));
  EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_AUTH_HS256_SECRET=" + secret})),
              Not(HasSubstr(secret)));
  EXPECT_THAT(complaint("", settings({"auth.hs256_secret=" + secret})), Not(HasSubstr(secret)));
  EXPECT_THAT(complaint("[auth]\nhs256_secret = 99999999999999999999\n"),
              AllOf(HasSubstr("bridge.toml:2: "), Not(HasSubstr("9999"))));
}

TEST(LoadTest, SecretsAreNeverQuotedWhereverTheyStand) {
  const std::string secret = "hunter2-hunter2";
  const std::string token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
  const std::string random = "3f8a0c5de1b94f7793d2a6e80b1c4d5f";
  for (const std::string& text :
       {"auth = \"" + secret + '"', "auth.user = \"" + secret + '"', "auht = \"" + secret + '"',
        "[auth.anonymus]\nsubscribe = \"" + secret + '"', "auth = [\"" + secret + "\"]",
        "server = \"" + secret + '"', "route = \"" + secret + '"', "x = \"" + secret + '"',
        "[[route]]\nmach = \"" + secret + '"'}) {
    EXPECT_THAT(complaint(text), Not(HasSubstr("hunter2"))) << text;
  }
  EXPECT_THAT(complaint("", environment({"ZWSBRIDGE_SERVER_PSW=" + secret})),
              Not(HasSubstr("hunter2")));
  for (const std::string key : {"server.listen", "log.level", "ingest.bind"}) {
    EXPECT_THAT(complaint("", settings({key + '=' + token})), Not(HasSubstr("c2ln"))) << key;
    EXPECT_THAT(complaint("", settings({key + '=' + random})), Not(HasSubstr("3f8a"))) << key;
    EXPECT_THAT(complaint("", settings({key + "=redis://me:" + secret + "@db"})),
                AllOf(HasSubstr("redis://me:***@db"), Not(HasSubstr("hunter2"))))
        << key;
    EXPECT_THAT(complaint("", settings({key + "=-----BEGIN PRIVATE KEY-----\nMC4C"})),
                Not(HasSubstr("MC4C")));
  }
  EXPECT_THAT(complaint("[[route]]\nmatch = \"a\"\noverflow = \"" + token + '"'),
              Not(HasSubstr("c2ln")));
}

TEST(LoadTest, ASettingThatIsASecretItselfIsNotQuoted) {
  EXPECT_THAT(complaint("", settings({"hunter2-hunter2"})), Not(HasSubstr("hunter2")));
  EXPECT_THAT(complaint("", settings({"server.listen"})), HasSubstr("--set server.listen: "));
  // As `openssl rand -base64` writes it, with what ends it.
  EXPECT_THAT(complaint("", settings({"q83w3f8a0c5de1b94f7793d2a6e80b1c4d5f="})),
              AllOf(HasSubstr("unknown key"), Not(HasSubstr("3f8a"))));
  EXPECT_THAT(complaint("[auth]\n3f8a0c5de1b94f7793d2a6e80b1c4d5f = 1"),
              AllOf(HasSubstr("auth.***"), Not(HasSubstr("3f8a"))));
}

TEST(LoadTest, WhatIsNotTomlIsNotQuotedWhereItMayBeASecret) {
  for (const std::string text :
       {"[auth]\n\nhmac = 99999999999999999999\n", "auth.hmac = 99999999999999999999\n",
        "auth = { hmac = 99999999999999999999 }\n"}) {
    EXPECT_THAT(complaint(text), AllOf(HasSubstr("not TOML"), Not(HasSubstr("9999")))) << text;
  }
  EXPECT_THAT(complaint("[auth]\n\n[server]\nthreads = 99999999999999999999\n"), HasSubstr("9999"));
}

TEST(LoadTest, WhatIsNotTomlIsRefusedWithItsLine) {
  EXPECT_THAT(complaint("[server]\nlisten = 127.0.0.1:8000\n"),
              AllOf(HasSubstr("bridge.toml:2: "), HasSubstr("strings need quotes")));
  EXPECT_THAT(complaint("[server]\npath = \"/a\"\npath = \"/b\"\n"), HasSubstr("bridge.toml:3: "));
  EXPECT_THAT(complaint(std::string("a\0b", 3)), HasSubstr("bridge.toml:1: "));
  EXPECT_THAT(complaint("[server]\npath = \"\xFF\"\n"), HasSubstr("bridge.toml:2: "));
}

TEST(LoadTest, RoutesMustBeAListOfTablesThatMatchSomething) {
  EXPECT_THAT(complaint("[route]\nmatch = \"a\""), HasSubstr("write [[route]]"));
  EXPECT_THAT(complaint("route = [1]"), HasSubstr("write [[route]]"));
  EXPECT_THAT(complaint("[[route]]\nreplay = 1"), HasSubstr("route[0].match = (not set)"));
  EXPECT_THAT(complaint("[[route]]\nmatch = \"a\"\n[[route]]\nmatch = \"a**\"\n"),
              AllOf(HasSubstr("bridge.toml:4: "), HasSubstr("route[1].match = \"a**\"")));
}

TEST(LoadTest, OddTextStaysOneLine) {
  complaint("\"a\\nb\" = 1");
  complaint("server.path = \"/\\n\\u001b[31m\"");
  EXPECT_THAT(complaint("", settings({"a\nb=1"})), HasSubstr("a\\x0ab"));
}

TEST(LoadTest, SettingNeedsAKeyAndAValue) {
  EXPECT_THAT(complaint("", settings({"server.listen"})), HasSubstr("key=value"));
  EXPECT_THAT(complaint("", settings({"=1"})), HasSubstr("key=value"));
}

TEST(LoadTest, FileThatCannotBeReadIsRefused) {
  for (const std::string& path : {std::string("/nonexistent/bridge.toml"), testing::TempDir()}) {
    try {
      load_config({path, {}, {}});
      ADD_FAILURE() << "accepted " << path;
    } catch (const StartupError& error) {
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_THAT(error.what(),
                  AllOf(HasSubstr(path), HasSubstr("cannot be read"),
                        AnyOf(HasSubstr("No such file"), HasSubstr("Is a directory"))));
    }
  }
}

TEST(LoadTest, EndlessFileIsRefused) {
  EXPECT_THROW(load_config({"/dev/zero", {}, {}}), StartupError);
}

TEST(LoadTest, FileIsRead) {
  const Folder folder;
  const std::string path = folder.file("bridge.toml", "server.threads = 7\n");
  EXPECT_EQ(load_config({path, {}, {}}).server.threads, 7u);
}

}  // namespace
}  // namespace zws
