#include <algorithm>
#include <functional>

#include "completion.hpp"

namespace zws::tool {
namespace {

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find(by, begin)) != text.npos; begin = end + 1)
    parts.push_back(text.substr(begin, end - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

std::string join(const std::vector<std::string>& parts, const std::string& between) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : between) + part;
  return out;
}

// Type names such as "json|pretty|payload" are the choices themselves.
std::vector<std::string> choices_of(const CLI::Option& option) {
  // CLI11 puts what a validator says of itself behind a colon.
  const std::string type = option.get_type_name();
  const std::vector<std::string> parts = split(type.substr(0, type.find(':')), '|');
  return parts.size() > 1 ? parts : std::vector<std::string>{};
}

void describe(const CLI::App& app, const std::vector<std::string>& path,
              std::vector<DescribedCommand>& out) {
  DescribedCommand command{path, app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      const std::vector<std::string> choices = choices_of(*option);
      command.choices.insert(command.choices.end(), choices.begin(), choices.end());
    }
    DescribedOption described;
    described.text = option->get_description();
    described.takes_value = option->get_items_expected_max() > 0;
    described.takes_file = option->get_type_name().substr(0, 4) == "FILE";
    described.choices = choices_of(*option);
    for (const std::string& name : option->get_lnames()) {
      described.name = "--" + name;
      command.options.push_back(described);
    }
    for (const std::string& name : option->get_snames()) {
      described.name = "-" + name;
      command.options.push_back(described);
    }
  }
  const auto children = app.get_subcommands(std::function<bool(const CLI::App*)>{});
  for (const CLI::App* child : children) command.choices.push_back(child->get_name());
  out.push_back(std::move(command));
  for (const CLI::App* child : children) {
    std::vector<std::string> longer = path;
    longer.push_back(child->get_name());
    describe(*child, longer, out);
  }
}

std::vector<std::string> names_of(const std::vector<DescribedOption>& options) {
  std::vector<std::string> names;
  for (const DescribedOption& option : options) names.push_back(option.name);
  return names;
}

// A function that sets `path` from the words before the cursor, a case for each command, and in it
// a case for the option before the cursor.
std::string bash(const std::vector<DescribedCommand>& commands) {
  std::string known;
  std::string cases;
  for (const DescribedCommand& command : commands) {
    const std::string path = join(command.path, " ");
    if (!path.empty()) known += (known.empty() ? "" : "|") + ("\"" + path + "\"");
    std::string values;
    for (const DescribedOption& option : command.options) {
      if (!option.takes_value) continue;
      const std::string reply =
          option.takes_file ? "COMPREPLY=($(compgen -f -- \"$word\"))"
          : option.choices.empty()
              ? "COMPREPLY=()"
              : "COMPREPLY=($(compgen -W '" + join(option.choices, " ") + "' -- \"$word\"))";
      values += "        " + option.name + ") " + reply + "; return ;;\n";
    }
    cases += "    \"" + path + "\")\n";
    if (!values.empty()) cases += "      case \"$before\" in\n" + values + "      esac\n";
    std::vector<std::string> words = names_of(command.options);
    words.insert(words.end(), command.choices.begin(), command.choices.end());
    cases += "      COMPREPLY=($(compgen -W '" + join(words, " ") + "' -- \"$word\")) ;;\n";
  }
  return "# bash completion of zws\n"
         "_zws() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path='' i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case \"${path:+$path }${COMP_WORDS[i]}\" in\n"
         "      " +
         known +
         ") path=${path:+$path }${COMP_WORDS[i]} ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path\" in\n" +
         cases +
         "  esac\n"
         "}\n"
         "complete -F _zws zws\n";
}

// Text between single quotes, without what _arguments or _describe would take for its own.
std::string quoted(const std::string& text, const std::string& special) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (special.find(c) != special.npos) out += '\\';
    out += c;
  }
  return out + "'";
}

std::string zsh(const std::vector<DescribedCommand>& commands) {
  std::string known;
  std::string cases;
  for (const DescribedCommand& command : commands) {
    const std::string path = join(command.path, " ");
    if (!path.empty()) known += (known.empty() ? "" : "|") + quoted(path, "");
    cases += "    " + quoted(path, "") + ")\n      _arguments -S";
    for (const DescribedOption& option : command.options) {
      std::string spec = option.name + "[" + option.text + "]";
      if (option.takes_file)
        spec += ":file:_files";
      else if (!option.choices.empty())
        spec += ":value:(" + join(option.choices, " ") + ")";
      else if (option.takes_value)
        spec += ":value: ";
      std::string escaped;
      bool in_text = false;
      for (std::size_t i = 0; i < spec.size(); ++i) {
        if (i == option.name.size()) in_text = true;
        const std::size_t text_end = option.name.size() + 1 + option.text.size();
        if (i == text_end) in_text = false;
        if (in_text && i > option.name.size() &&
            (spec[i] == '[' || spec[i] == ']' || spec[i] == ':'))
          escaped += '\\';
        escaped += spec[i];
      }
      cases += " \\\n        " + quoted(escaped, "");
    }
    if (!command.choices.empty())
      cases += " \\\n        " + quoted("*:what:(" + join(command.choices, " ") + ")", "");
    cases += " ;;\n";
  }
  return "#compdef zws\n"
         "# zsh completion of zws\n"
         "_zws() {\n"
         "  local path_='' word\n"
         "  for word in ${words[2,CURRENT-1]}; do\n"
         "    case \"${path_:+$path_ }$word\" in\n"
         "      " +
         known +
         ") path_=\"${path_:+$path_ }$word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path_\" in\n" +
         cases +
         "  esac\n"
         "}\n"
         "compdef _zws zws\n";
}

std::string fish(const std::vector<DescribedCommand>& commands) {
  std::string out = "# fish completion of zws\ncomplete -c zws -f\n";
  for (const DescribedCommand& command : commands) {
    std::string when;
    if (command.path.empty()) {
      when = "__fish_use_subcommand";
    } else {
      for (const std::string& word : command.path)
        when += (when.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
    }
    const std::string line = "complete -c zws -n " + quoted(when, "\\");
    for (const DescribedOption& option : command.options) {
      const bool is_long = option.name.substr(0, 2) == "--";
      out += line + (is_long ? " -l " + option.name.substr(2) : " -s " + option.name.substr(1));
      if (option.takes_value) out += option.takes_file ? " -r -F" : " -x";
      if (!option.choices.empty()) out += " -a " + quoted(join(option.choices, " "), "\\");
      out += " -d " + quoted(option.text, "\\") + "\n";
    }
    for (const std::string& choice : command.choices) {
      std::vector<std::string> longer = command.path;
      longer.push_back(choice);
      const auto child = std::find_if(commands.begin(), commands.end(),
                                      [&](const DescribedCommand& c) { return c.path == longer; });
      out += line + " -a " + choice;
      if (child != commands.end()) out += " -d " + quoted(child->text, "\\");
      out += "\n";
    }
  }
  return out;
}

}  // namespace

std::vector<DescribedCommand> describe_commands(const CLI::App& app) {
  std::vector<DescribedCommand> commands;
  describe(app, {}, commands);
  return commands;
}

std::string completion_script(const std::string& shell,
                              const std::vector<DescribedCommand>& commands) {
  if (shell == "bash") return bash(commands);
  return shell == "zsh" ? zsh(commands) : fish(commands);
}

}  // namespace zws::tool
