#include "cli/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <vector>

namespace ratebook::cli {
namespace {

/// For both shells: `path` becomes the words that have been typed, without options and their values.
std::string path_loop(const std::vector<WordShape>& words, std::string_view typed_words) {
  std::vector<std::string> paths;
  for (const auto& word : words) {
    if (!word.path.empty()) paths.push_back(fmt::format("\"{}\"", word.path));
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
std::string value_cases(const std::vector<WordShape>& words,
                        const std::function<std::string(const WordShape::Option&)>& body) {
  std::string text;
  for (const auto& word : words) {
    for (const auto& option : word.options_with_value) {
      std::vector<std::string> patterns;
      for (const auto& name : option.names) patterns.push_back(fmt::format("\"{} {}\"", word.path, name));
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

std::string bash_completion(const std::vector<WordShape>& words) {
  std::string text = "# bash completion for ratebook: source <(ratebook completion bash)\n_ratebook() {\n";
  text += "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" choices=\"\"\n";
  text += path_loop(words, "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"");
  text += "  case \"$where $previous\" in\n";
  text += value_cases(words, [](const WordShape::Option& option) {
    return fmt::format("choices=\"{}\"", fmt::join(option.values, " "));
  });
  text += "    *)\n      case \"$where\" in\n";
  for (const auto& word : words) {
    std::vector<std::string> names;
    for (const auto& choice : word.choices) names.push_back(choice.name);
    text += fmt::format("        \"{}\") choices=\"{}\" ;;\n", word.path, fmt::join(names, " "));
  }
  // Nothing of ours: then names of files.
  text += "      esac ;;\n  esac\n  mapfile -t COMPREPLY < <(compgen -W \"$choices\" -- \"$current\")\n}\n";
  return text + "complete -o default -F _ratebook ratebook\n";
}

std::string zsh_completion(const std::vector<WordShape>& words) {
  std::string text =
      "#compdef ratebook\n# zsh completion for ratebook: source <(ratebook completion zsh)\n_ratebook() {\n";
  text += "  local -a choices\n";
  text += path_loop(words, "${words[2,CURRENT-1]}");
  text += "  case \"$where ${words[CURRENT-1]}\" in\n";
  text += value_cases(words, [](const WordShape::Option& option) {
    return option.values.empty() ? std::string{"_files; return"}
                                 : fmt::format("compadd -- {}; return", fmt::join(option.values, " "));
  });
  text += "  esac\n  case \"$where\" in\n";
  for (const auto& word : words) {
    text += fmt::format("    \"{}\")\n      choices=(\n", word.path);
    for (const auto& choice : word.choices) {
      text += fmt::format("        {}\n", single_quoted(fmt::format("{}:{}", choice.name, choice.purpose)));
    }
    text += "      ) ;;\n";
  }
  text += "  esac\n  _describe 'ratebook' choices\n  _files\n}\n";
  // Installed, the file is the body of the function itself, which is called to complete already.
  return text + "if [[ ${funcstack[1]} == _ratebook ]]; then _ratebook; else compdef _ratebook ratebook; fi\n";
}

}  // namespace ratebook::cli
