// zws completion: what a shell needs to complete commands and options, made from the commands
// themselves.

#include "completion.hpp"

#include <memory>

#include "command.hpp"
#include "output.hpp"

namespace zws::tool {

void add_completion(CLI::App& app, Run& run) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print a shell's completion script");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
      ->type_name("bash|zsh|fish");
  command->footer(
      "Examples:\n"
      "  source <(zws completion bash)\n"
      "  zws completion zsh > \"${fpath[1]}/_zws\"\n"
      "  zws completion fish > ~/.config/fish/completions/zws.fish");
  command->callback([&app, shell, &run] {
    run = [&app, shell] {
      write_data(completion_script(*shell, describe_commands(app)));
      return Exit::done;
    };
  });
}

}  // namespace zws::tool
