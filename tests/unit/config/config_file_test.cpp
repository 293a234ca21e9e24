// The configuration may come from a pipe, which nobody can read twice.
#include "config/config_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "config/reload.hpp"
#include "core/error.hpp"
#include "support/folder.hpp"

namespace zws::config {
namespace {

using testing::HasSubstr;
using testing::Property;
using testing::Throws;

class ConfigPipeTest : public testing::Test {
 protected:
  ConfigPipeTest() { EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0); }

  Folder folder_;
  const std::string path_ = (folder_.path() / "pipe").string();
};

TEST_F(ConfigPipeTest, APipeIsReadToTheEndOfItsWriter) {
  std::thread writer([this] {
    const int pipe = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    EXPECT_EQ(::write(pipe, "[log]\n", 6), 6);
    EXPECT_EQ(::write(pipe, "level", 5), 5);
    ::close(pipe);
  });
  EXPECT_EQ(read_config_file(path_), "[log]\nlevel");
  writer.join();
}

TEST_F(ConfigPipeTest, AReloadDoesNotReadItAgain) {
  ConfigSources sources;
  sources.file = path_;
  EXPECT_THAT(
      [&] { reload_config(Config(), sources); },
      Throws<StartupError>(Property(&StartupError::what, HasSubstr("cannot be read again"))));
}

TEST(ConfigFileTest, AFileIsReadAsOftenAsOneLikes) {
  const Folder folder;
  const std::string path = folder.file("zwsbridge.toml", "[log]\n");
  EXPECT_FALSE(can_be_read_once(path));
  EXPECT_FALSE(can_be_read_once(""));
  EXPECT_FALSE(can_be_read_once("/dev/null")) << "as who wants none says";
  EXPECT_EQ(read_config_file(path), "[log]\n");
  EXPECT_EQ(read_config_file(path), "[log]\n");
}

}  // namespace
}  // namespace zws::config
