// Who may come in by the head of the request alone: proxies, hosts, origins.
#include "client/access.hpp"

#include <gmock/gmock.h>

namespace zws {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

HttpRequest request(const Headers& headers) {
  HttpRequest made;
  for (const auto& [name, value] : headers) made.headers[name] = value;
  return made;
}

Access access(const Config& config = {}, bool open_mode = false) { return {config, open_mode}; }

Config listening_on(const std::string& listen) {
  Config config;
  config.server.listen = {listen};
  return config;
}

// --- addresses -----------------------------------------------------------------------------------

TEST(AccessTest, LimitsCountIPv6AddressesPerSlash64) {
  EXPECT_EQ(address_key("2001:db8:1:2:3:4:5:6"), address_key("2001:db8:1:2:ffff::1"));
  EXPECT_NE(address_key("2001:db8:1:2::1"), address_key("2001:db8:1:3::1"));
  EXPECT_NE(address_key("1.2.3.4"), address_key("1.2.3.5"));
  for (const char* spelt : {"::ffff:1.2.3.4", "::FFFF:102:304"})
    EXPECT_EQ(address_key("1.2.3.4"), address_key(spelt)) << "one client, one account";
}

// --- the client behind a proxy -------------------------------------------------------------------

TEST(AccessTest, WithoutATrustedProxyThePeerIsTheClient) {
  EXPECT_EQ(access().client_address("9.9.9.9", request({{"X-Forwarded-For", "1.2.3.4"}})),
            "9.9.9.9");
  EXPECT_EQ(access().client_address("127.0.0.1", request({})), "127.0.0.1");
}

TEST(AccessTest, TheRightmostAddressThatIsNoProxyIsTheClient) {
  Config config;
  config.server.trusted_proxies = {"127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"};
  const Access behind(config, false);
  const auto client = [&](const std::string& chain) {
    return behind.client_address("127.0.0.1", request({{"X-Forwarded-For", chain}}));
  };
  EXPECT_EQ(client("1.2.3.4"), "1.2.3.4");
  EXPECT_EQ(client("6.6.6.6, 1.2.3.4"), "1.2.3.4");
  EXPECT_EQ(client("6.6.6.6, 1.2.3.4 ,10.1.1.1,\t10.2.2.2"), "1.2.3.4");
  EXPECT_EQ(client("2001:db8::7, 2001:dead::1, 2001:db8::8"), "2001:dead::1");
  EXPECT_EQ(client("1.2.3.4:5678"), "1.2.3.4") << "some proxies add the port";
  EXPECT_EQ(client("[2001:dead::1]:5678, 10.1.1.1:80"), "2001:dead::1");
  EXPECT_EQ(client("10.1.1.1"), "127.0.0.1") << "only proxies: the peer stands for them";
  EXPECT_EQ(client("1.2.3.4, nonsense"), "127.0.0.1") << "what is no address is not believed";
}

TEST(AccessTest, NetworksAreComparedToTheBit) {
  Config config;
  config.server.trusted_proxies = {"10.0.0.0/9", "192.168.1.1"};
  const Access behind(config, false);
  const auto believes = [&](const std::string& peer) {
    return behind.client_address(peer, request({{"X-Forwarded-For", "1.2.3.4"}})) == "1.2.3.4";
  };
  EXPECT_TRUE(believes("10.127.255.255"));
  EXPECT_FALSE(believes("10.128.0.0"));
  EXPECT_TRUE(believes("192.168.1.1"));
  EXPECT_FALSE(believes("192.168.1.2"));
  EXPECT_FALSE(believes("::a00:1"));
}

// --- hosts, in open mode -------------------------------------------------------------------------

TEST(AccessTest, OpenModeAnswersOnlyToThisMachinesOwnNames) {
  const Access open = access({}, true);
  for (const char* host : {"localhost", "LocalHost:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"})
    EXPECT_TRUE(open.host_allowed(request({{"Host", host}}))) << host;
  for (const char* host : {"", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example",
                           "127.0.0.2", "10.0.0.1", "[::2]", "::1", "[::1", "[::1]evil.example"})
    EXPECT_FALSE(open.host_allowed(request({{"Host", host}}))) << host;
}

TEST(AccessTest, OpenModeAnswersNobodyWhoWasForwarded) {
  const Access open = access({}, true);
  for (const char* name :
       {"Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "X-Real-IP"})
    EXPECT_FALSE(open.host_allowed(request({{"Host", "localhost"}, {name, "x"}}))) << name;
}

TEST(AccessTest, WhatStandsAgainstARequestIsNamed) {
  EXPECT_EQ(Access::host_fault(request({{"Host", "evil.example"}, {"X-Forwarded-For", "1.2.3.4"}})),
            "Host \"evil.example\"");
  EXPECT_EQ(Access::host_fault(request({{"Host", "localhost"}, {"x-forwarded-for", "1.2.3.4"}})),
            "X-Forwarded-For \"1.2.3.4\"");
  EXPECT_EQ(Access::host_fault(request({{"Host", "127.0.0.1"}, {"X-Real-IP", "a\nb"}})),
            "X-Real-IP \"a\\x0ab\"");
}

TEST(AccessTest, WithKeysOrOpenByChoiceAnyHostWillDo) {
  EXPECT_TRUE(access().host_allowed(request({{"Host", "example.org"}})));
  Config chosen;
  chosen.auth.open = true;
  EXPECT_TRUE(access(chosen, true).host_allowed(request({{"Host", "example.org"}})));
}

// --- origins -------------------------------------------------------------------------------------

TEST(AccessTest, WhoSendsNoOriginIsNoBrowserAndPasses) {
  EXPECT_TRUE(access().origin_allowed("9.9.9.9", request({{"Host", "a"}})));
}

TEST(AccessTest, AnOriginMustBeTheHostByDefault) {
  const Access there = access(listening_on("0.0.0.0:8000"));
  const auto allowed = [&](const std::string& origin, const std::string& host) {
    return there.origin_allowed("9.9.9.9", request({{"Origin", origin}, {"Host", host}}));
  };
  EXPECT_TRUE(allowed("http://example.org:8000", "example.org:8000"));
  EXPECT_TRUE(allowed("http://Example.org", "example.ORG"));
  EXPECT_TRUE(allowed("https://example.org", "example.org:443"));
  EXPECT_TRUE(allowed("http://[2001:db8::1]:8000", "[2001:db8::1]:8000"));
  EXPECT_FALSE(allowed("http://example.org", "example.org:8000"));
  EXPECT_FALSE(allowed("http://evil.example", "example.org"));
  EXPECT_FALSE(allowed("http://example.org.evil.example", "example.org"));
  EXPECT_FALSE(allowed("http://localhost:3000", "example.org")) << "it does not listen on loopback";
  EXPECT_FALSE(allowed("null", "null"));
  EXPECT_FALSE(allowed("http://", ""));
}

TEST(AccessTest, OnLoopbackAnyLoopbackPageMayConnect) {
  const Access here = access();
  const auto allowed = [&](const std::string& origin) {
    return here.origin_allowed("127.0.0.1",
                               request({{"Origin", origin}, {"Host", "localhost:8000"}}));
  };
  EXPECT_TRUE(allowed("http://localhost:5173"));
  EXPECT_TRUE(allowed("http://127.0.0.1:3000"));
  EXPECT_TRUE(allowed("http://[::1]:3000"));
  EXPECT_FALSE(allowed("http://evil.example"));
  EXPECT_FALSE(allowed("http://localhost.evil.example"));
}

TEST(AccessTest, AListOfOriginsIsComparedExactlyAndAlone) {
  Config config = listening_on("0.0.0.0:80");
  config.server.allowed_origins = {"https://app.example.org"};
  const Access listed(config, false);
  const auto allowed = [&](const std::string& origin) {
    return listed.origin_allowed("9.9.9.9",
                                 request({{"Origin", origin}, {"Host", "api.example.org"}}));
  };
  EXPECT_TRUE(allowed("https://app.example.org"));
  for (const char* origin :
       {"http://app.example.org", "https://app.example.org:443", "https://APP.example.org",
        "https://app.example.org/", "https://api.example.org"})
    EXPECT_FALSE(allowed(origin)) << origin;
}

TEST(AccessTest, ATrustedProxyMaySayWhichHostWasAsked) {
  const Access behind = access(listening_on("0.0.0.0:8000"));
  const HttpRequest forwarded = request({{"Origin", "https://app.example.org"},
                                         {"Host", "10.0.0.5:8000"},
                                         {"X-Forwarded-Host", "app.example.org, inner"}});
  EXPECT_TRUE(behind.origin_allowed("127.0.0.1", forwarded));
  EXPECT_FALSE(behind.origin_allowed("9.9.9.9", forwarded));
}

}  // namespace
}  // namespace zws
