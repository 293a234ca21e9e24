// Values that contradict each other, and files that must be there.
#include <gmock/gmock.h>

#include "config/load.hpp"
#include "core/error.hpp"
#include "support/folder.hpp"

namespace zws {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string secret = "auth.hs256_secret=0123456789abcdef0123456789abcdef-";

Config load(std::vector<std::string> settings) {
  return load_config({"", {}, std::move(settings)});
}

std::string complaint(std::vector<std::string> settings) {
  try {
    load(std::move(settings));
  } catch (const StartupError& error) {
    EXPECT_EQ(error.exit_code(), 2);
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return {};
}

class ChecksFilesTest : public testing::Test {
 protected:
  const Folder folder_;
  const std::string file_ = folder_.file("any", "content");
};

TEST(ChecksTest, HeartbeatTimeoutMustExceedInterval) {
  load({"heartbeat.interval=1s", "heartbeat.timeout=1001ms"});
  EXPECT_THAT(complaint({"heartbeat.timeout=25s"}),
              AllOf(HasSubstr("--set: heartbeat.timeout = \"25s\""),
                    HasSubstr("more than heartbeat.interval, which is 25s")));
  EXPECT_THAT(complaint({"heartbeat.interval=2m"}),
              AllOf(HasSubstr("--set: heartbeat.interval = \"2m\""),
                    HasSubstr("less than heartbeat.timeout")));
}

TEST(ChecksTest, OpenModeListensOnLoopbackOnly) {
  EXPECT_THAT(complaint({"server.listen=0.0.0.0:8000"}),
              AllOf(HasSubstr("server.listen"), HasSubstr("auth.open = true")));
  complaint({"server.listen=[::]:8000"});
  complaint({"server.listen=192.168.1.2:8000"});
  load({"server.listen=127.9.9.9:8000"});
  load({"server.listen=[::1]:8000"});
  load({"server.listen=localhost:8000"});
}

TEST(ChecksTest, KeyOrAuthOpenPermitsEveryAddress) {
  load({"server.listen=0.0.0.0:8000", "auth.open=true"});
  load({"server.listen=0.0.0.0:8000", secret});
}

TEST_F(ChecksFilesTest, IngestBeyondLoopbackNeedsCurveOrInsecure) {
  for (const std::string endpoint : {"tcp://*:5556", "tcp://0.0.0.0:5556", "tcp://10.0.0.1:5556",
                                     "tcp://[::]:5556", "tcp://eth0:5556"}) {
    const std::string bind = "ingest.bind=[\"ipc:///tmp/x\", \"" + endpoint + "\"]";
    EXPECT_THAT(complaint({bind}), AllOf(HasSubstr(endpoint), HasSubstr("ingest.insecure = true")));
    load({bind, "ingest.insecure=true"});
    load({bind, "ingest.curve_secret_key_file=" + file_});
  }
  EXPECT_THAT(complaint({"ingest.repair_bind=[\"tcp://*:5557\"]"}),
              AllOf(HasSubstr("ingest.repair_bind"), HasSubstr("ingest.insecure = true")));
  load(
      {"ingest.bind=[\"tcp://127.0.0.1:*\", \"tcp://[::1]:5556\", \"tcp://localhost:1\", "
       "\"tcp://lo:1\", \"ipc://@abstract\"]"});
  load({"ingest.connect=[\"tcp://10.0.0.1:5556\"]"});
}

TEST_F(ChecksFilesTest, AllowedCurveKeysNeedTheSecretKey) {
  EXPECT_THAT(complaint({"ingest.curve_allowed_keys_file=" + file_}),
              HasSubstr("ingest.curve_secret_key_file"));
}

TEST_F(ChecksFilesTest, CertificateAndKeyComeTogether) {
  load({"server.tls_cert=" + file_, "server.tls_key=" + file_});
  EXPECT_THAT(complaint({"server.tls_cert=" + file_}), HasSubstr("together with server.tls_key"));
  EXPECT_THAT(complaint({"server.tls_key=" + file_}), HasSubstr("together with server.tls_cert"));
}

TEST_F(ChecksFilesTest, SharedSecretIsGivenOnce) {
  EXPECT_THAT(complaint({secret, "auth.hs256_secret_file=" + file_}),
              HasSubstr("auth.hs256_secret_file"));
}

TEST_F(ChecksFilesTest, EveryKeyFileMustBeReadable) {
  for (const std::string key : {"ingest.curve_secret_key_file", "auth.hs256_secret_file",
                                "auth.public_key_file", "auth.jwks_file"}) {
    EXPECT_THAT(complaint({key + "=/tmp/nonexistent/file"}),
                AllOf(HasSubstr(key + " = \"/tmp/nonexistent/file\""), HasSubstr("No such file")));
    EXPECT_THAT(complaint({key + "=" + folder_.path().string()}), HasSubstr("Is a directory"));
    load({key + "=" + file_, "auth.audience=*"});
  }
}

TEST(ChecksTest, AUsersNameThatGoesOnIsAnotherUser) {
  EXPECT_THAT(complaint({R"(auth.user.subscribe=["inbox.{user}*"])"}),
              AllOf(HasSubstr("inbox.{user}*"), HasSubstr("\"inbox:{user}:*\"")));
  EXPECT_THAT(complaint({R"(auth.user.subscribe=["inbox.{user}-*"])"}),
              HasSubstr("inbox.{user}-*"));
  load({R"(auth.user.subscribe=["inbox:{user}", "inbox:{user}:*", "{user}-x"])"});
}

TEST_F(ChecksFilesTest, APublicKeyNeedsAnAudienceInWords) {
  for (const std::string key : {"auth.public_key_file", "auth.jwks_file"}) {
    EXPECT_THAT(complaint({key + "=" + file_}),
                AllOf(HasSubstr("auth.audience"), HasSubstr("\"*\"")));
    complaint({key + "=" + file_, "auth.issuer=https://id.example.org"});
    load({key + "=" + file_, "auth.audience=live"});
    EXPECT_EQ(load({key + "=" + file_, "auth.audience=*"}).auth.audience,
              std::vector<std::string>{"*"});
  }
  load({"auth.hs256_secret_file=" + file_});
  const std::string url = "auth.jwks_url=https://id.example.org/keys";
  EXPECT_THAT(complaint({url}), HasSubstr("auth.audience"));
  load({url, "auth.audience=live"});
}

TEST(ChecksTest, KeysAreFetchedInTheClearWithinTheMachineOnly) {
  for (const std::string good :
       {"https://id.example.org/keys?a=b", "https://[2001:db8::1]:8443/", "http://localhost:8080/k",
        "http://127.0.0.1/", "http://[::1]:80/"})
    EXPECT_TRUE(load({"auth.jwks_url=" + good, "auth.audience=*"}).auth.has_key()) << good;
  for (const std::string bad :
       {"http://id.example.org/", "http://127.0.0.1.example.org/", "http://127.0.0.1@example.org/",
        "http://localhost@example.org/", "https://", "https:///keys", "https://a:b@example.org/",
        "file:///etc/passwd", "id.example.org", "https://example.org/#a", "https://example.org/ a"})
    EXPECT_THAT(complaint({"auth.jwks_url=" + bad, "auth.audience=*"}), HasSubstr("auth.jwks_url"))
        << bad;
}

TEST_F(ChecksFilesTest, TlsFilesMustBeReadable) {
  EXPECT_THAT(complaint({"server.tls_cert=" + file_, "server.tls_key=/nonexistent/key"}),
              HasSubstr("server.tls_key"));
  EXPECT_THAT(complaint({"server.tls_cert=/nonexistent/cert", "server.tls_key=" + file_}),
              HasSubstr("server.tls_cert"));
}

TEST(ChecksTest, AdminTokenFileIsWrittenNotRead) {
  load({"auth.admin_token_file=/nonexistent/token"});
}

}  // namespace
}  // namespace zws
