#include "command.hpp"

namespace zws::tool {

void add_commands(CLI::App& app, Run& run) {
  add_pub(app, run);
  add_sub(app, run);
  add_tap(app, run);
  add_token(app, run);
  add_stats(app, run);
  add_check(app, run);
  add_connections(app, run);
  add_topics(app, run);
  add_sources(app, run);
  add_rights(app, run);
  add_bridges(app, run);
  add_kick(app, run);
  add_broadcast(app, run);
  add_notify(app, run);
  add_bench(app, run);
  add_keygen(app, run);
  add_demo(app, run);
  add_completion(app, run);
}

}  // namespace zws::tool
