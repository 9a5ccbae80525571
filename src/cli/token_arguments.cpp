// The arguments of `ratebook token`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto token_footer = R"(Examples:
  ratebook token create --name loader --role send --source carrier-a --file tokens
  ratebook token create --name dashboard --role read --file tokens
  ratebook token create --name me --role operate --file tokens > my-token
  ratebook token list --file tokens
  ratebook token revoke loader --file tokens

The file has the SHA-256 of each token only. A running server reads it again when it changes.)";

}  // namespace

void add_token(CommandLine& line) {
  const auto options = std::make_shared<TokenOptions>();
  const auto word = line.add("token", "Make, list or revoke the tokens of a server", token_footer);
  const auto create = word.add_word("create", "Make one: it is printed, once");
  create.add("--name", options->name, "What it is called in the file").required().takes("NAME");
  create.add("--role", options->roles, "send (batches of its sources), read or operate; may be repeated")
      .required()
      .one_of({"send", "read", "operate"})
      .takes("ROLE");
  create.add("--source", options->sources, "That it may send for; may be repeated").takes("NAME");
  const auto list = word.add_word("list", "Show them");
  const auto revoke = word.add_word("revoke", "Take one out");
  revoke.add("NAME", options->name, "What it is called in the file").required();
  for (const auto each : {create, list, revoke}) {
    each.add("--file", options->file, "The file that `serve --tokens` reads").required().takes("FILE");
    each.footer(token_footer);
  }
  word.require_words(1, 1);
  line.does(create, [options](const Console& console) { return create_token(*options, console); });
  line.does(list, [options](const Console& console) { return list_tokens(*options, console); });
  line.does(revoke, [options](const Console& console) { return revoke_token(*options, console); });
}

}  // namespace ratebook::cli
