#include "command.hpp"

namespace zws::tool {

void add_commands(CLI::App& app, Run& run) {
  add_keygen(app, run);
}

}  // namespace zws::tool
