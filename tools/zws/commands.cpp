#include "command.hpp"

namespace zws::tool {

void add_commands(CLI::App& app, Run& run) {
  add_keygen(app, run);
  add_bench(app, run);
}

}  // namespace zws::tool
