// The manuals say what the program does: comments, table, docs/CONFIG.md and the default file
// agree.
#include "config/manual.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <set>
#include <sstream>

#include "config/keys.hpp"
#include "config/load.hpp"
#include "config/reload.hpp"

namespace zws {
namespace {

using namespace config;
using testing::IsEmpty;
using testing::Not;

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Compares a file of the repository with what it is made from; how to make it anew is in the
// message.
void expect_made_from(const std::string& name, const std::string& text) {
  const std::string fresh = testing::TempDir() + name.substr(name.rfind('/') + 1);
  std::ofstream(fresh) << text;
  EXPECT_TRUE(read(name) == text) << name << " is out of date: cp " << fresh << ' ' << name;
}

TEST(ManualTest, EveryKeyIsExplained) {
  for (const ConfigKey& key : config_keys()) {
    const Comment comment = comment_of(key.name);
    EXPECT_THAT(comment.prose, Not(IsEmpty())) << key.name;
    EXPECT_EQ(one_line(comment.facts), facts(key.allowed, key.applies)) << key.name;
  }
  for (const RoleKey& key : role_keys()) {
    const Comment comment = comment_of("auth.roles.NAME." + std::string(key.name));
    EXPECT_THAT(comment.prose, Not(IsEmpty())) << key.name;
    EXPECT_EQ(one_line(comment.facts), facts(key.allowed, key.applies)) << key.name;
  }
  for (const RouteKey& key : route_keys()) {
    const Comment comment = comment_of("route." + std::string(key.name));
    EXPECT_THAT(comment.prose, Not(IsEmpty())) << key.name;
    EXPECT_EQ(one_line(comment.facts), facts(key.allowed, key.applies)) << key.name;
  }
}

TEST(ManualTest, EveryTableIsExplained) {
  for (const std::string& section : sections()) {
    EXPECT_THAT(comment_of(section).prose, Not(IsEmpty())) << section;
  }
  EXPECT_THAT(comment_of("route").prose, Not(IsEmpty()));
}

TEST(ManualTest, EveryKeyHasItsOwnEnvironmentName) {
  std::set<std::string> names{environment_name(route_list)};
  for (const ConfigKey& key : config_keys()) {
    EXPECT_TRUE(names.insert(environment_name(key.name)).second) << key.name;
  }
  EXPECT_EQ(names.count("ZWSBRIDGE_AUTH_ANONYMOUS_CONNECT"), 1u);
}

TEST(ManualTest, DefaultConfigurationLoadsToTheDefaults) {
  Origins origins;
  const Config loaded = parse_config(default_config_text(), "default", {}, &origins);
  EXPECT_THAT(config_diff(Config{}, loaded), IsEmpty());
  EXPECT_EQ(origins.size(), config_keys().size()) << "a key is missing from it";
}

TEST(ManualTest, RouteOfTheDefaultConfigurationCanBeUncommented) {
  std::istringstream text(default_config_text());
  std::string routes;
  bool in_route = false;
  for (std::string line; std::getline(text, line);) {
    in_route = in_route || line == "# [[route]]";
    const bool is_setting = line.size() > 2 && line[2] != ' ';
    if (in_route && is_setting) routes += line.substr(2) + '\n';
  }
  Origins origins;
  parse_config(routes, "routes", {}, &origins);
  EXPECT_EQ(origins.size(), route_keys().size()) << routes;
}

TEST(ManualTest, DefaultFileIsTheDefaultConfiguration) {
  expect_made_from("bridge/share/zwsbridge.toml", default_config_text());
}

TEST(ManualTest, ConfigPageIsUpToDate) { expect_made_from("docs/CONFIG.md", config_reference()); }

}  // namespace
}  // namespace zws
