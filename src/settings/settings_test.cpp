#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdio>
#include <fstream>
#include <set>

#include "settings/config_file.hpp"
#include "settings/documents.hpp"
#include "settings/load.hpp"
#include "settings/nearest.hpp"
#include "settings/table.hpp"
#include "settings/units.hpp"

namespace ratebook::settings {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class File {
 public:
  explicit File(std::string_view text) {
    path_ = testing::TempDir() + "ratebook_settings_test_" + std::to_string(::getpid()) + ".toml";
    std::ofstream{path_} << text;
  }
  ~File() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Inputs nothing() { return {.flags = {}, .environment = {}, .file = {}, .usual_files = {}}; }

std::vector<std::string> wrong_in_file(std::string_view text) {
  const File file{text};
  Inputs inputs = nothing();
  inputs.file = file.path();
  const auto loaded = load(inputs);
  if (loaded) return {};
  std::vector<std::string> wrong = loaded.error();
  for (auto& each : wrong) {
    if (each.starts_with(file.path())) each = each.substr(file.path().size() + 1);
  }
  return wrong;
}

TEST(Units, sizes_and_times_as_people_write_them) {
  EXPECT_EQ(parse_bytes("64MiB"), 64u << 20);
  EXPECT_EQ(parse_bytes("16384"), 16384u);
  EXPECT_EQ(parse_duration("30"), milliseconds{30'000});
  EXPECT_EQ(parse_duration("250ms"), milliseconds{250});
  EXPECT_EQ(parse_duration("2d"), milliseconds{172'800'000});
  for (const auto* text : {"", "MiB", "-1", "+1", "1.5MiB", "1 MiB", "64MB", "64mib", "0x10", "9223372036854775808",
                           "8388608TiB", "99999999999999999999"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
  for (const auto* text : {"", "s", "-1s", "1.5s", "1min", "1 s", "9223372036854775807s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
  EXPECT_EQ(format_bytes(0), "0B");
  EXPECT_EQ(format_bytes(1536), "1536B");
  EXPECT_EQ(format_bytes(1ULL << 32U), "4GiB");
  EXPECT_EQ(format_duration(milliseconds{0}), "0s");
  EXPECT_EQ(format_duration(milliseconds{90'000}), "90s");
  EXPECT_EQ(format_duration(milliseconds{1}), "1ms");
}

RC_GTEST_PROP(Units, what_is_written_reads_back, ()) {
  const auto number = *rc::gen::inRange<std::int64_t>(0, INT64_MAX);
  RC_ASSERT(parse_bytes(format_bytes(static_cast<std::uint64_t>(number))) == static_cast<std::uint64_t>(number));
  RC_ASSERT(parse_duration(format_duration(milliseconds{number})) == milliseconds{number});
}

TEST(Nearest, finds_what_was_meant) {
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("ab", "ba"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(nearest("http.heder_max", {"http.body_max", "http.header_max"}), "http.header_max");
  EXPECT_EQ(nearest("header_max", {"cores", "http.header_max", "data"}), "http.header_max");
  EXPECT_EQ(nearest("x", {}), "");
}

RC_GTEST_PROP(Nearest, a_distance_is_a_distance, (const std::string& a, const std::string& b)) {
  RC_ASSERT(edit_distance(a, b) == edit_distance(b, a));
  RC_ASSERT((edit_distance(a, b) == 0) == (a == b));
  RC_ASSERT(edit_distance(a, b) <= std::max(a.size(), b.size()));
}

TEST(Table, names_are_unique_and_every_default_is_one_that_it_takes) {
  Settings settings;
  std::set<std::string> flags, variables;
  for (const Row& row : table(settings).rows) {
    EXPECT_TRUE(flags.insert(row.flag()).second) << row.key;
    EXPECT_TRUE(variables.insert(row.variable()).second) << row.key;
    EXPECT_FALSE(is_other_variable(row.variable())) << row.key;
    const auto before = row.get();
    EXPECT_TRUE(row.set(before)) << row.key << " = " << before;
    EXPECT_EQ(row.get(), before) << row.key;
    EXPECT_NE(row.meaning, "") << row.key;
    EXPECT_FALSE(row.meaning.ends_with('.')) << row.key;
  }
  EXPECT_THAT(contradictions(settings), ElementsAre());
}

TEST(Table, nothing_beyond_the_bounds_is_taken) {
  Settings settings;
  for (const Row& row : table(settings).rows) {
    if (row.kind == Kind::text) continue;
    for (const auto* text : {"", "-1", "nonsense", "18446744073709551616", "9223372036854775807"}) {
      EXPECT_FALSE(row.set(text)) << row.key << " = " << text;
    }
  }
  EXPECT_FALSE(read_address("8080", settings.http.address, settings.http.port));
}

TEST(Table, an_address_has_a_port) {
  std::string host;
  std::uint16_t port = 0;
  EXPECT_TRUE(read_address("0.0.0.0:65535", host, port));
  EXPECT_EQ(format_address(host, port), "0.0.0.0:65535");
  EXPECT_TRUE(read_address("[::1]:80", host, port));
  EXPECT_EQ(host, "::1");
  EXPECT_EQ(format_address(host, port), "[::1]:80");
  for (const auto* text : {"", ":", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                           "::1:80", "127.0.0.1:80x", "[]:80"}) {
    EXPECT_FALSE(read_address(text, host, port)) << text;
  }
  EXPECT_EQ(format_address(host, port), "[::1]:80");
}

TEST(Load, flags_come_before_the_environment_that_before_the_file_that_before_defaults) {
  const File file{"cores = 1\ndrain_time = \"1s\"\ngrace_time = 1\n[http]\nheader_max = \"32KiB\"\n"};
  const auto loaded = load({.flags = {{"cores", "3"}},
                            .environment = {{"RATEBOOK_CORES", "2"}, {"RATEBOOK_DRAIN_TIME", "2s"}},
                            .file = file.path(),
                            .usual_files = {}});
  ASSERT_TRUE(loaded) << testing::PrintToString(loaded.error());
  EXPECT_EQ(loaded->settings.http.cores, 3u);
  EXPECT_EQ(loaded->settings.http.drain_time, milliseconds{2000});
  EXPECT_EQ(loaded->settings.http.grace_time, milliseconds{1000});
  EXPECT_EQ(loaded->settings.http.header_bytes_max, 32u << 10);
  EXPECT_EQ(loaded->settings.http.port, 8080);
  EXPECT_EQ(loaded->origins.at("cores"), "--cores");
  EXPECT_EQ(loaded->origins.at("drain_time"), "RATEBOOK_DRAIN_TIME");
  EXPECT_EQ(loaded->origins.at("http.header_max"), file.path() + ":5");
  EXPECT_FALSE(loaded->origins.contains("listen"));
}

TEST(Load, the_first_usual_file_that_is_there_is_read_and_a_named_one_instead_of_them) {
  const File file{"cores = 1\n"};
  Inputs inputs = nothing();
  inputs.usual_files = {"/nowhere/ratebook.toml", file.path()};
  EXPECT_EQ(load(inputs)->settings.http.cores, 1u);
  EXPECT_EQ(load(inputs)->file, file.path());
  inputs.environment = {{"RATEBOOK_CONFIG", "/nowhere/other.toml"}};
  EXPECT_THAT(load(inputs).error(), ElementsAre(AllOf(StartsWith("/nowhere/other.toml: "), HasSubstr("No such file"))));
  inputs.file = file.path();
  EXPECT_EQ(load(inputs)->settings.http.cores, 1u);
  EXPECT_EQ(load(nothing())->file, "");
}

TEST(Load, everything_wrong_in_a_file_is_told_at_once_with_its_place) {
  EXPECT_THAT(
      wrong_in_file("cores = \"2\"\n"
                    "opne_to_everyone = true\n"
                    "listen = \"8080\"\n"
                    "[http]\n"
                    "  heder_max = 1\n"
                    "body_max = \"64MB\"\n"
                    "workers = 0\n"
                    "idle_timeout = 1979-05-27\n"
                    "[nope]\n"
                    "x = [1, 2]\n"),
      ElementsAre(
          AllOf(StartsWith("1:1: cores = \"2\": write a number from 0 to 1024, as in --cores 0 or cores = 0")),
          AllOf(StartsWith("2:1: "), HasSubstr("no setting opne_to_everyone; the nearest is open_to_everyone")),
          AllOf(StartsWith("3:1: listen = \"8080\": write ADDRESS:PORT")),
          AllOf(StartsWith("5:3: "), HasSubstr("http.heder_max; the nearest is http.header_max")),
          AllOf(StartsWith("6:1: http.body_max = \"64MB\": write bytes from 1KiB to 1TiB"),
                HasSubstr("http.body_max = \"4GiB\"")),
          AllOf(StartsWith("7:1: http.workers = 0: write a number from 1 to 4096")),
          AllOf(StartsWith("8:1: http.idle_timeout = 1979-05-27: write a time"), HasSubstr("idle_timeout = \"75s\"")),
          AllOf(StartsWith("10:1: "), HasSubstr("no setting nope.x"))));
}

TEST(Load, no_more_than_a_hundred_things_in_a_file_are_told) {
  std::string file;
  for (int i = 0; i < 200; ++i) file += "unknown" + std::to_string(i) + " = 1\n";
  const auto wrong = wrong_in_file(file);
  ASSERT_EQ(wrong.size(), 101U);
  EXPECT_THAT(wrong[99], StartsWith("100:1: "));
  EXPECT_THAT(wrong[100], HasSubstr("no more than these are told"));
}

TEST(Load, a_file_that_is_no_toml_says_where) {
  EXPECT_THAT(wrong_in_file("cores = 1\ndata = \"x\n"), ElementsAre(StartsWith("2:")));
  EXPECT_THAT(wrong_in_file("cores = 1\ncores = 2\n"), ElementsAre(StartsWith("2:")));
  EXPECT_THAT(wrong_in_file(std::string(config_bytes_max + 1, '#')), ElementsAre(HasSubstr("1048576 bytes")));
}

TEST(Load, what_is_no_key_is_an_error_and_no_harm) {
  for (const auto* text : {"é = 1\n", "x = é\n", "x = 1 é\n", "[=]\n", "[[#]]\n", "\u3000\u2e80 = 1", "[é]\n", "\u00b2",
                           "\u1681", "\ufefe"}) {
    EXPECT_FALSE(parse_config(text, "x").has_value()) << text;
  }
  EXPECT_TRUE(parse_config("# é\nx = \"é\"\n", "x").has_value());
}

// Each of these is a table as deep as it has dots or brackets, and would be taken down level by level.
TEST(Load, a_value_that_no_setting_takes_is_shown_on_one_line) {
  const auto written = [](const std::string& value) {
    const auto file = parse_config("x = " + value + "\n", "x");
    return file ? file->entries.at(0).written : file.error()[0];
  };
  EXPECT_EQ(written("-2.5e-3"), "-0.0025");
  EXPECT_EQ(written("07:32:00"), "07:32:00");
  EXPECT_EQ(written("1979-05-27T07:32:00Z"), "1979-05-27T07:32:00Z");
  EXPECT_EQ(written("[ -2e-3,\n 1979 ]"), "[…]");
  EXPECT_EQ(written("0x1F"), "31");
}

TEST(Load, what_is_too_deep_is_an_error_and_no_harm) {
  const auto repeated = [](std::string_view text, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += text;
    return all;
  };
  const std::string deep = "a" + repeated(".a", 200'000);
  for (const auto& text : {deep + " = 1", "[" + deep + "]", "[[" + deep + "]]", "x = {" + deep + " = 1}"}) {
    EXPECT_THAT(parse_config("\n" + text + "\n", "x").error(), ElementsAre(StartsWith("x:2: more than 100 dots")));
  }
  for (const auto* text : {"[", "{a = ", "[\n", "[\n{a.a = "}) {
    EXPECT_FALSE(parse_config("x = " + repeated(text, 100'000), "x").has_value()) << text;
  }
  const std::string most = "a" + repeated(".a", 100);
  EXPECT_EQ(parse_config("#" + repeated(".", 1000) + "\n[" + most + "]\n" + most + " = 1\n", "x")->entries.size(), 1U);
}

TEST(Load, a_variable_or_a_flag_that_is_wrong_is_named) {
  const auto loaded = load({.flags = {{"http.header_max", "1"}},
                            .environment = {{"RATEBOOK_HTTP_HEDER_MAX", "1"},
                                            {"RATEBOOK_LISTEN", "here"},
                                            {"RATEBOOK_SERVER", "http://127.0.0.1:8080"}},
                            .file = {},
                            .usual_files = {}});
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error(),
              ElementsAre(AllOf(StartsWith("RATEBOOK_HTTP_HEDER_MAX"), HasSubstr("RATEBOOK_HTTP_HEADER_MAX")),
                          StartsWith("RATEBOOK_LISTEN=here: write ADDRESS:PORT"),
                          StartsWith("--http-header-max 1: write bytes")));
}

TEST(Load, settings_that_contradict_each_other_are_refused) {
  EXPECT_THAT(wrong_in_file("[api]\nwait_default = \"61s\"\n"),
              ElementsAre(HasSubstr("api.wait_default is more than api.wait_max")));
}

TEST(Load, a_password_that_everyone_would_see_is_refused) {
  for (const std::string conninfo :
       {"host=db password=hush", "host=db password \t= hush", "postgresql://ratebook:hush@db/ratebook"}) {
    const auto file = [](const std::string& primary, const std::string& replica) {
      return "[kafka]\nbrokers = \"a:9092\"\n[postgres]\nprimary = \"" + primary + "\"\nreplica = \"" + replica +
             "\"\n";
    };
    EXPECT_THAT(wrong_in_file(file(conninfo, "host=db")), Contains(HasSubstr("postgres.primary holds a password")));
    EXPECT_THAT(wrong_in_file(file("host=db", conninfo)), Contains(HasSubstr("postgres.replica holds a password")));
  }
}

RC_GTEST_PROP(Load, no_bytes_of_a_file_do_harm, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("a", " ", "\n", "=", "[", "]", "\"", "'", ".", "#", "é", "\u3000", "\u2e81", "\xff",
                                    "1", "e", "_", "{", "}", "\0", "\\u"));
  std::string bytes;
  for (const auto& piece : pieces) bytes += piece;
  (void)parse_config(bytes, "x");
  (void)parse_config(*rc::gen::arbitrary<std::string>(), "x");
}

/// The example as somebody would edit it: every default is set.
std::string uncommented(const std::string& example) {
  std::string text;
  std::istringstream lines{example};
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find(" = ");
    const bool is_setting =
        line.starts_with("# ") && equals != std::string::npos && !line.substr(2, equals - 2).contains(' ');
    text += (is_setting ? line.substr(2) : line) + "\n";
  }
  return text;
}

TEST(Example, has_every_setting_and_loads_to_the_defaults) {
  for (const bool edited : {false, true}) {
    const File file{edited ? uncommented(example_file()) : example_file()};
    Inputs inputs = nothing();
    inputs.file = file.path();
    auto loaded = load(inputs);
    ASSERT_TRUE(loaded) << testing::PrintToString(loaded.error());
    Settings defaults;
    const auto rows = table(loaded->settings).rows;
    const auto expected = table(defaults).rows;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      // What has no default stands in the example as a suggestion.
      EXPECT_EQ(rows[i].get(), rows[i].example.empty() ? expected[i].get() : rows[i].example);
      EXPECT_EQ(loaded->origins.contains(rows[i].key), edited || !rows[i].example.empty()) << rows[i].key;
    }
  }
}

TEST(Held, says_where_each_came_from) {
  Inputs inputs = nothing();
  inputs.flags = {{"data", "/a \"b\"\n"}};
  const auto loaded = load(inputs);
  EXPECT_THAT(held(*loaded),
              AllOf(HasSubstr("data = \"/a \\\"b\\\"\\u000a\""), HasSubstr("# --data"), HasSubstr("[http]\n")));
  EXPECT_THAT(held_json(*loaded), HasSubstr(R"({"key":"data","value":"/a \"b\"\n","from":"--data","flag":"--data",)"));
  // What it prints is a file that gives the same.
  const File file{held(*loaded)};
  inputs = nothing();
  inputs.file = file.path();
  EXPECT_EQ(load(inputs)->settings.data_path, "/a \"b\"\n");
}

}  // namespace
}  // namespace ratebook::settings
