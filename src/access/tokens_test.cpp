// Token files: what is read, what is refused, how they are changed, and when they are read again.
#include "access/tokens.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "access/keeper.hpp"
#include "access/token_file.hpp"

namespace ratebook::access {
namespace {

using testing::HasSubstr;

std::string line(std::string_view name, std::string_view roles, std::string_view sources, std::string_view token) {
  return std::string{name} + ' ' + std::string{roles} + ' ' + std::string{sources} + ' ' + hex(sha256(token)) +
         " 2026-11-23\n";
}

Grant sender(const std::string& name = "loader") {
  return {.name = name, .roles = {Role::send}, .sources = {"carrier-a"}, .created = *parse_day("2026-11-23")};
}

class File : public testing::Test {
 protected:
  File() : path_(testing::TempDir() + "ratebook_tokens_" + std::to_string(::getpid())) { remove(); }
  ~File() override { remove(); }
  void remove() { std::filesystem::remove(path_); }
  void write(const std::string& text, mode_t mode = 0600) {
    std::ofstream{path_} << text;
    ::chmod(path_.c_str(), mode);
  }
  std::string read() const {
    std::ostringstream text;
    text << std::ifstream{path_}.rdbuf();
    return text.str();
  }

  std::string path_;
};

TEST(Tokens, are_found_by_the_whole_token_only) {
  const auto tokens =
      Tokens::parse("# comment\n\n" + line("a", "send", "x,y", "one") + line("b", "operate", "-", "two"));
  ASSERT_TRUE(tokens) << tokens.error().message;
  ASSERT_NE(tokens->find("one"), nullptr);
  EXPECT_EQ(tokens->find("one")->name, "a");
  EXPECT_EQ(tokens->find("two")->name, "b");
  for (const auto* wrong : {"", "on", "onee", "One", "three"}) EXPECT_EQ(tokens->find(wrong), nullptr) << wrong;
}

TEST(Tokens, have_the_roles_that_they_have_and_no_others) {
  const auto tokens = Tokens::parse(line("a", "send", "x,y", "1") + line("b", "read", "-", "2") +
                                    line("c", "operate", "-", "3") + line("d", "send,read", "x", "4"));
  ASSERT_TRUE(tokens) << tokens.error().message;
  const auto& [send, read, operate, both] =
      std::tie(tokens->grants()[0], tokens->grants()[1], tokens->grants()[2], tokens->grants()[3]);
  EXPECT_TRUE(send.may_send("x") && send.may_send("y") && !send.may_send("z") && !send.may_send(""));
  EXPECT_TRUE(send.has(Role::send) && !send.has(Role::read) && !send.has(Role::operate));
  EXPECT_TRUE(read.has(Role::read) && !read.has(Role::send) && !read.may_send("x"));
  EXPECT_TRUE(operate.has(Role::read) && operate.has(Role::send) && operate.may_send("anything"));
  EXPECT_TRUE(both.has(Role::read) && both.may_send("x") && !both.may_send("y"));
}

TEST(Tokens, a_wrong_file_is_refused_with_line_and_reason) {
  const std::string good = line("a", "read", "-", "1");
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"a read -\n", "a line has"},
      {line("a", "reads", "-", "2"), "'reads' is no role"},
      {line("b", "send", "-", "2"), "needs sources"},
      {line("b", "read", "x", "2"), "needs sources"},
      {line("b", "send", "x,Y", "2"), "'Y' is no source"},
      {line("b/c", "read", "-", "2"), "a name has"},
      {line("a", "read", "-", "2"), "stands twice"},
      {"b read - 00ff 2026-11-23\n", "SHA-256"},
      {"b read - " + std::string(64, '0') + " yesterday\n", "YYYY-MM-DD"},
  };
  for (const auto& [text, reason] : wrong) {
    const auto tokens = Tokens::parse(good + text);
    ASSERT_FALSE(tokens) << text;
    EXPECT_THAT(tokens.error().message, HasSubstr("line 2: ")) << text;
    EXPECT_THAT(tokens.error().message, HasSubstr(reason)) << text;
  }
  EXPECT_FALSE(Tokens::parse(good + line("b", "read", "-", "2"), {.tokens_max = 1}));
}

TEST_F(File, create_adds_a_line_without_the_token_and_revoke_takes_it_out) {
  const auto token = create_token(path_, sender());
  ASSERT_TRUE(token) << token.error().message;
  const auto other = create_token(path_, {.name = "eyes", .roles = {Role::read}});
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_NE(*token, *other);
  EXPECT_THAT(read(), testing::Not(HasSubstr(token->substr(3))));
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07, 0u);

  auto tokens = read_token_file(path_);
  ASSERT_TRUE(tokens) << tokens.error().message;
  ASSERT_NE(tokens->find(*token), nullptr);
  EXPECT_TRUE(tokens->find(*token)->may_send("carrier-a"));
  EXPECT_TRUE(tokens->find(*other)->has(Role::read));
  EXPECT_EQ(create_token(path_, sender()).error().failure, Failure::conflict);

  EXPECT_EQ(revoke_token(path_, "nobody").error().failure, Failure::not_found);
  ASSERT_TRUE(revoke_token(path_, "loader"));
  tokens = read_token_file(path_);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(tokens->find(*token), nullptr);
  EXPECT_NE(tokens->find(*other), nullptr);
}

TEST_F(File, revoke_keeps_comments_and_order) {
  const auto text = "# ours\n" + line("a", "read", "-", "1") + "\n# theirs\n" + line("b", "read", "-", "2") +
                    line("c", "read", "-", "3");
  write(text.substr(0, text.size() - 1));  // no end of line at the end
  ASSERT_TRUE(revoke_token(path_, "b"));
  const auto kept = "# ours\n" + line("a", "read", "-", "1") + "\n# theirs\n" + line("c", "read", "-", "3");
  EXPECT_EQ(read(), kept.substr(0, kept.size() - 1));
  ASSERT_TRUE(create_token(path_, sender()));
  EXPECT_THAT(read(), testing::StartsWith(kept));
}

TEST_F(File, what_others_may_read_or_write_is_refused) {
  for (const mode_t mode : {0604, 0606, 0660, 0644, 0777}) {
    write(line("a", "read", "-", "1"), mode);
    const auto tokens = read_token_file(path_);
    ASSERT_FALSE(tokens) << mode;
    EXPECT_THAT(tokens.error().message, HasSubstr("chmod g-w,o= " + path_));
    EXPECT_FALSE(create_token(path_, sender())) << mode;
  }
  write(line("a", "read", "-", "1"), 0640);
  EXPECT_TRUE(read_token_file(path_));
  EXPECT_EQ(read_token_file(path_ + "-not").error().failure, Failure::not_found);
}

TEST_F(File, a_change_is_seen_and_a_wrong_file_keeps_what_held_before) {
  write(line("a", "read", "-", "1"));
  Keeper keeper{path_};
  EXPECT_EQ(keeper.tokens()->find("1"), nullptr);  // not read yet
  ASSERT_TRUE(keeper.reread());
  EXPECT_NE(keeper.tokens()->find("1"), nullptr);
  EXPECT_FALSE(*keeper.reread_if_changed());

  write(line("a", "read", "-", "1") + "nonsense\n");
  EXPECT_FALSE(keeper.reread_if_changed());
  EXPECT_NE(keeper.tokens()->find("1"), nullptr);
  EXPECT_FALSE(*keeper.reread_if_changed());  // said once, not again and again

  write(line("b", "read", "-", "22"));
  EXPECT_TRUE(*keeper.reread_if_changed());
  EXPECT_EQ(keeper.tokens()->find("1"), nullptr);
  EXPECT_NE(keeper.tokens()->find("22"), nullptr);

  remove();
  EXPECT_FALSE(keeper.reread_if_changed());
  EXPECT_NE(keeper.tokens()->find("22"), nullptr);
}

}  // namespace
}  // namespace ratebook::access
