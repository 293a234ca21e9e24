// The key files of the ZeroMQ side: what they may hold, and the one line that refuses what they may not.
#include "ingest/curve_keys.hpp"

#include <gmock/gmock.h>
#include <zmq.h>

#include "core/error.hpp"
#include "support/folder.hpp"

namespace zws {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

struct KeyPair {
  std::string public_key = std::string(41, '\0');
  std::string secret = std::string(41, '\0');
  KeyPair() {
    zmq_curve_keypair(public_key.data(), secret.data());
    public_key.pop_back();
    secret.pop_back();
  }
};

class CurveKeysTest : public testing::Test {
 protected:
  CurveKeys read(const std::string& secret, const std::string& allowed) {
    IngestConfig config;
    config.curve_secret_key_file = folder_.file("secret", secret);
    config.curve_allowed_keys_file = folder_.file("allowed", allowed);
    return read_curve_keys(config);
  }

  std::string complaint(const std::string& secret, const std::string& allowed) {
    try {
      read(secret, allowed);
    } catch (const StartupError& error) {
      EXPECT_EQ(error.exit_code(), StartupError::configuration);
      return error.what();
    }
    return "nothing is refused";
  }

  const Folder folder_;
  const KeyPair bridge_;
  const KeyPair one_;
  const KeyPair other_;
};

TEST_F(CurveKeysTest, NothingConfiguredIsOff) { EXPECT_FALSE(read_curve_keys({}).on()); }

TEST_F(CurveKeysTest, PublicKeyIsMadeOfTheSecretOne) {
  const CurveKeys keys = read(bridge_.secret + '\n', "# nobody yet\n");
  EXPECT_TRUE(keys.on());
  EXPECT_EQ(keys.secret, bridge_.secret);
  EXPECT_EQ(keys.public_key, bridge_.public_key);
}

TEST_F(CurveKeysTest, WithoutListEveryKeyIsLetIn) {
  IngestConfig config;
  config.curve_secret_key_file = folder_.file("secret", bridge_.secret);
  EXPECT_TRUE(read_curve_keys(config).admits(one_.public_key));
}

TEST_F(CurveKeysTest, ListHoldsKeysNamesAndComments) {
  const CurveKeys keys =
      read(bridge_.secret,
           "#jobs\n" + one_.public_key + " import job\r\n\n#\n  " + other_.public_key + "\n");
  EXPECT_THAT(keys.allowed, UnorderedElementsAre(Pair(one_.public_key, "import job"),
                                                 Pair(other_.public_key, "")));
  EXPECT_TRUE(keys.admits(one_.public_key));
  EXPECT_FALSE(keys.admits(bridge_.public_key));
}

TEST_F(CurveKeysTest, EmptyListIsRefused) {
  EXPECT_THAT(complaint(bridge_.secret, ""), HasSubstr("is empty"));
}

TEST_F(CurveKeysTest, ListOfCommentsLetsNobodyIn) {
  EXPECT_FALSE(read(bridge_.secret, "# nobody yet\n").admits(one_.public_key));
}

TEST_F(CurveKeysTest, WrongSecretIsRefusedAndNeverShown) {
  for (const std::string& wrong :
       {bridge_.secret.substr(1), bridge_.secret + bridge_.secret, bridge_.secret.substr(1) + '"'})
    EXPECT_THAT(complaint(wrong, ""),
                AllOf(HasSubstr("ingest.curve_secret_key_file"),
                      HasSubstr((folder_.path() / "secret").string()),
                      HasSubstr("not a CURVE secret key"), Not(HasSubstr(wrong))));
}

TEST_F(CurveKeysTest, WrongLineOfTheListIsNamedAndNeverShown) {
  for (const std::string& wrong : {std::string("no-key"), one_.public_key + 'x', bridge_.secret})
    EXPECT_THAT(complaint(bridge_.secret, one_.public_key + "\n" + wrong + "\n"),
                AllOf(HasSubstr("ingest.curve_allowed_keys_file"),
                      HasSubstr((folder_.path() / "allowed").string()), HasSubstr("line 2"),
                      Not(HasSubstr(wrong))));
}

}  // namespace
}  // namespace zws
