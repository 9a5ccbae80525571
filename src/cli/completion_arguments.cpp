// The arguments of `ratebook completion`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/completion.hpp"
#include "cli/exit_code.hpp"

namespace ratebook::cli {
namespace {

constexpr auto completion_footer = R"(Examples:
  source <(ratebook completion bash)
  ratebook completion bash > /etc/bash_completion.d/ratebook
  ratebook completion zsh > "${fpath[1]}/_ratebook")";

}  // namespace

void add_completion(CommandLine& line) {
  const auto shell = std::make_shared<std::string>();
  const auto script = std::make_shared<std::string>();
  const auto word = line.add("completion", "Print a shell's completion of these words", completion_footer);
  word.add("SHELL", *shell, "bash or zsh").required().one_of({"bash", "zsh"});
  line.does(
      word, [script](const Console& console) { return console.out(*script) ? exit_ok : exit_output; },
      [shell, script, &line] {  // while the tree stands
        *script = *shell == "bash" ? bash_completion(line.words()) : zsh_completion(line.words());
        return std::string{};
      });
}

}  // namespace ratebook::cli
