#include "cli/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace ratebook::cli {
namespace {

/// What may be typed next: a word or an option, and what it is for.
struct Choice {
  std::string name;
  std::string purpose;
};

/// An option, with the values that it may have; none: any.
struct Option {
  std::vector<std::string> names;
  std::vector<std::string> values;
};

/// One word of the tree, such as `places put`.
struct Node {
  std::string path;
  std::vector<Choice> choices;
  std::vector<Option> options_with_value;
};

/// `FORMAT:{csv,json}`, as CLI11 names the type of an option whose values are known.
std::vector<std::string> values_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto open = type.find('{');
  if (open == std::string::npos || !type.ends_with('}')) return {};
  return CLI::detail::split(type.substr(open + 1, type.size() - open - 2), ',');
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

void add_options(Node& node, const CLI::App& app) {
  for (const auto* option : app.get_options()) {
    Option named;
    for (const auto& name : option->get_lnames()) named.names.push_back("--" + name);
    for (const auto& name : option->get_snames()) named.names.push_back("-" + name);
    for (const auto& name : named.names) node.choices.push_back({name, one_line(option->get_description())});
    if (named.names.empty() || option->get_items_expected_max() == 0) continue;
    named.values = values_of(*option);
    node.options_with_value.push_back(std::move(named));
  }
}

void add_nodes(std::vector<Node>& nodes, const CLI::App& app, const std::string& path) {
  Node node{.path = path, .choices = {}, .options_with_value = {}};
  const auto words = app.get_subcommands([](const CLI::App*) { return true; });
  for (const auto* word : words) node.choices.push_back({word->get_name(), one_line(word->get_description())});
  add_options(node, app);
  if (app.get_fallthrough()) add_options(node, *app.get_parent());
  nodes.push_back(std::move(node));
  for (const auto* word : words)
    add_nodes(nodes, *word, path.empty() ? word->get_name() : path + " " + word->get_name());
}

std::vector<Node> nodes_of(const CLI::App& app) {
  std::vector<Node> nodes;
  add_nodes(nodes, app, "");
  return nodes;
}

/// For both shells: `path` becomes the words that have been typed, without options and their values.
std::string path_loop(const std::vector<Node>& nodes, std::string_view typed_words) {
  std::vector<std::string> paths;
  for (const auto& node : nodes) {
    if (!node.path.empty()) paths.push_back(fmt::format("\"{}\"", node.path));
  }
  return fmt::format(
      "  local word where=\"\"\n"
      "  for word in {}; do\n"
      "    case \"${{where:+$where }}$word\" in\n"
      "      {}) where=\"${{where:+$where }}$word\" ;;\n"
      "    esac\n"
      "  done\n",
      typed_words, fmt::join(paths, " | "));
}

/// `"push --format")` and so on, each with what `body` makes of the option.
std::string value_cases(const std::vector<Node>& nodes, const std::function<std::string(const Option&)>& body) {
  std::string text;
  for (const auto& node : nodes) {
    for (const auto& option : node.options_with_value) {
      std::vector<std::string> patterns;
      for (const auto& name : option.names) patterns.push_back(fmt::format("\"{} {}\"", node.path, name));
      text += fmt::format("    {}) {} ;;\n", fmt::join(patterns, " | "), body(option));
    }
  }
  return text;
}

/// In single quotes of a shell.
std::string single_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return result + "'";
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  const auto nodes = nodes_of(app);
  std::string text = "# bash completion for ratebook: source <(ratebook completion bash)\n_ratebook() {\n";
  text += "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" choices=\"\"\n";
  text += path_loop(nodes, "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"");
  text += "  case \"$where $previous\" in\n";
  text += value_cases(
      nodes, [](const Option& option) { return fmt::format("choices=\"{}\"", fmt::join(option.values, " ")); });
  text += "    *)\n      case \"$where\" in\n";
  for (const auto& node : nodes) {
    std::vector<std::string> names;
    for (const auto& choice : node.choices) names.push_back(choice.name);
    text += fmt::format("        \"{}\") choices=\"{}\" ;;\n", node.path, fmt::join(names, " "));
  }
  // Nothing of ours: then names of files.
  text += "      esac ;;\n  esac\n  mapfile -t COMPREPLY < <(compgen -W \"$choices\" -- \"$current\")\n}\n";
  return text + "complete -o default -F _ratebook ratebook\n";
}

std::string zsh_completion(const CLI::App& app) {
  const auto nodes = nodes_of(app);
  std::string text =
      "#compdef ratebook\n# zsh completion for ratebook: source <(ratebook completion zsh)\n_ratebook() {\n";
  text += "  local -a choices\n";
  text += path_loop(nodes, "${words[2,CURRENT-1]}");
  text += "  case \"$where ${words[CURRENT-1]}\" in\n";
  text += value_cases(nodes, [](const Option& option) {
    return option.values.empty() ? std::string{"_files; return"}
                                 : fmt::format("compadd -- {}; return", fmt::join(option.values, " "));
  });
  text += "  esac\n  case \"$where\" in\n";
  for (const auto& node : nodes) {
    text += fmt::format("    \"{}\")\n      choices=(\n", node.path);
    for (const auto& choice : node.choices) {
      text += fmt::format("        {}\n", single_quoted(fmt::format("{}:{}", choice.name, choice.purpose)));
    }
    text += "      ) ;;\n";
  }
  text += "  esac\n  _describe 'ratebook' choices\n  _files\n}\n";
  // Installed, the file is the body of the function itself, which is called to complete already.
  return text + "if [[ ${funcstack[1]} == _ratebook ]]; then _ratebook; else compdef _ratebook ratebook; fi\n";
}

}  // namespace ratebook::cli
