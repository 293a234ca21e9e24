// Whatever stands in a configuration: it is refused in one line, or it is one that can be printed,
// loaded again, and is the same. The first line of the input is a --set, the second a variable, the
// rest the file.
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

std::string take_line(std::string& text) {
  const std::size_t end = text.find('\n');
  const std::string line = text.substr(0, end);
  text.erase(0, end == std::string::npos ? end : end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  zws::ConfigSources sources;
  if (std::string setting = take_line(text); !setting.empty()) sources.set.push_back(setting);
  sources.environment.push_back("ZWSBRIDGE_" + take_line(text));
  try {
    zws::Origins origins;
    const zws::Config config = zws::parse_config(text, "fuzz.toml", sources, &origins);
    const std::string printed = print_config(config, &origins);
    // A secret is printed as a mask, and so is what looks like one.
    if (printed.find("***") != std::string::npos) return 0;
    demand(config_diff(config, zws::parse_config(printed, "printed", {})).empty());
  } catch (const zws::StartupError& error) {
    const std::string line = error.what();
    demand(error.exit_code() == 2 && !line.empty() && line.find('\n') == std::string::npos);
  }
  return 0;
}
