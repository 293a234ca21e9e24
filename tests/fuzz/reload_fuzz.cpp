// Whatever a running bridge reads at a SIGHUP: it is refused in one line, or what is in force
// afterwards differs in nothing that needs a restart, is sound, and stays when it is read again.
// The input is two files with 0xFE between them, which no UTF-8 holds: the first, and the second.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/load.hpp"
#include "config/print.hpp"
#include "config/reload.hpp"
#include "core/error.hpp"

namespace {

void demand(bool kept) {
  if (!kept) std::abort();
}

// A file that only this process sees.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& text) : descriptor_(::memfd_create("configuration", 0)) {
    demand(::write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

void check(const zws::Config& running, const zws::ConfigSources& sources) {
  const zws::Reloaded once = zws::reload_config(running, sources);
  for (const auto& change : zws::config_diff(running, once.config)) demand(!change.needs_restart);
  const zws::Reloaded twice = zws::reload_config(once.config, sources);
  for (const auto& change : twice.changes) demand(change.needs_restart);
  demand(zws::config_diff(once.config, twice.config).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\xFE');
  if (end == std::string::npos) return 0;
  try {
    const zws::Config running = zws::parse_config(text.substr(0, end), "first.toml", {});
    const MemoryFile second(text.substr(end + 1));
    zws::ConfigSources sources;
    sources.file = second.path();
    check(running, sources);
  } catch (const zws::StartupError& error) {
    const std::string line = error.what();
    demand(error.exit_code() == 2 && !line.empty() && line.find('\n') == std::string::npos);
  }
  return 0;
}
