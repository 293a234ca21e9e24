// Every key of the table reads what it writes, and changes nothing when it refuses.
#include "config/keys.hpp"

#include <gmock/gmock.h>

namespace zws::config {
namespace {

TEST(KeysTest, EveryKeyAcceptsItsDefault) {
  Config config;
  for (const ConfigKey& key : config_keys()) {
    EXPECT_FALSE(key.set(config, *key.get(Config{}))) << key.name;
  }
}

TEST(KeysTest, EveryKeyReadsBackWhatWasSet) {
  for (const ConfigKey& key : config_keys()) {
    Config config;
    const Value before = *key.get(config);
    const Value candidates[] = {Value{true},
                                Value{false},
                                Value{std::int64_t{65'537}},
                                Value{std::int64_t{255}},
                                Value{std::int64_t{1} << 21},
                                Value{std::string("7s")},
                                Value{std::string("127.0.0.1:1")},
                                Value{std::string("/seven")},
                                Value{std::string("redis://seven")},
                                Value{std::string("seven")},
                                Value{std::string("https://seven")},
                                Value{std::string("error")},
                                Value{std::string("json")},
                                Value{std::string("0600")},
                                Value{std::string("0123456789012345678901234567890123456789")},
                                Value{std::vector<std::string>{"https://seven"}},
                                Value{std::vector<std::string>{"ipc://seven"}},
                                Value{std::vector<std::string>{"10.7.0.0/16"}},
                                Value{std::vector<std::string>{"seven:*"}}};
    bool changed = false;
    for (const Value& candidate : candidates) {
      if (key.set(config, candidate)) continue;
      const Value back = *key.get(config);
      const auto* list = std::get_if<std::vector<std::string>>(&candidate);
      // Where one text will do, a list of one is that text.
      const bool one = list && list->size() == 1 && std::holds_alternative<std::string>(back);
      EXPECT_EQ(toml_text(back), toml_text(one ? Value{list->front()} : candidate)) << key.name;
      changed = changed || toml_text(candidate) != toml_text(before);
    }
    EXPECT_TRUE(changed) << key.name;
  }
}

TEST(KeysTest, NoTwoKeysShareAField) {
  // Each key set to another value must leave every other key as it was.
  for (const ConfigKey& key : config_keys()) {
    Config config;
    for (const Value& other :
         {Value{false}, Value{true}, Value{std::int64_t{65'537}}, Value{std::int64_t{7}},
          Value{std::int64_t{1} << 21}, Value{std::string("7s")}, Value{std::string("/7")}}) {
      key.set(config, other);
    }
    for (const ConfigKey& neighbour : config_keys()) {
      if (neighbour.name == key.name) continue;
      EXPECT_EQ(toml_text(*neighbour.get(config)), toml_text(*neighbour.get(Config{})))
          << key.name << " changed " << neighbour.name;
    }
  }
}

TEST(KeysTest, RefusedValueChangesNothing) {
  Config config;
  const ConfigKey* const key = find_key("auth.user.subscribe");
  const auto fault = key->set(config, std::vector<std::string>{"fine", "b*d"});
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->at, "[1]");
  EXPECT_THAT(config.auth.user.subscribe, testing::ElementsAre("*"));
}

TEST(KeysTest, RouteKeyThatIsNotSetHasNoValue) {
  RouteConfig route;
  EXPECT_FALSE(find_route_key("history")->get(route).has_value());
  EXPECT_FALSE(find_route_key("history")->set(route, std::int64_t{0}));
  EXPECT_EQ(route.history, std::size_t{0});
}

TEST(KeysTest, SecretIsMaskedOnlyWhenSet) {
  Config config;
  const ConfigKey* const key = find_key("auth.hs256_secret");
  EXPECT_EQ(shown_text(*key, config), "\"\"");
  config.auth.hs256_secret = "something that nobody may see here";
  EXPECT_EQ(shown_text(*key, config), "\"***\"");
}

TEST(KeysTest, RightsLimitsAndTlsFilesNeedNoRestart) {
  EXPECT_EQ(find_key("server.listen")->applies, Applies::restart);
  EXPECT_EQ(find_key("auth.user.subscribe")->applies, Applies::reload);
  EXPECT_EQ(find_key("limits.queue_bytes")->applies, Applies::reload);
  EXPECT_EQ(find_key("server.tls_cert")->applies, Applies::reload);
}

}  // namespace
}  // namespace zws::config
