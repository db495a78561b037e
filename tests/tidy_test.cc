// Reads the source tree and holds it to the rules of docs/architecture.md: sizes, who may include
// what, names, comments, room READMEs. Each check is tried on small inputs that break its rule.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace metadb::tests {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kFileLines = 600;
constexpr int kHeaderLines = 250;
constexpr int kFunctionLines = 70;

// A source file: where it is under the repository root, and its text.
struct Source {
  std::string path;
  std::string text;
};

using Findings = std::vector<std::string>;

std::string at(const Source& source, int line, const std::string& what) {
  return source.path + ":" + std::to_string(line) + ": " + what;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::string line;
  for (const char c : text) {
    if (c == '\n') {
      lines.push_back(std::move(line));
      line.clear();
    } else {
      line += c;
    }
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

bool is_header(const std::string& path) {
  return path.ends_with(".h");
}
bool is_cpp(const std::string& path) {
  return path.ends_with(".cc") || is_header(path);
}
std::string room_of(const std::string& path) {
  return path.substr(0, path.find('/'));
}

// The same text with the insides of comments, strings and character literals blanked; line breaks
// stay where they are.
class Blanker {
 public:
  explicit Blanker(std::string text) : text_(std::move(text)) {}
  std::string run() {
    while (at_ < text_.size()) step();
    return text_;
  }

 private:
  bool sees(std::string_view what) const { return text_.compare(at_, what.size(), what) == 0; }
  void blank_to(size_t end) {
    for (; at_ < std::min(end, text_.size()); ++at_) {
      if (text_[at_] != '\n') text_[at_] = ' ';
    }
  }
  size_t after(std::string_view what, size_t from) const {
    const size_t found = text_.find(what, from);
    return found == std::string::npos ? text_.size() : found + what.size();
  }
  size_t end_of_literal(char quote) const {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      end += text_[end] == '\\' ? 2 : 1;
    }
    return end + 1;
  }
  bool is_digit_separator() const {
    return at_ > 0 && std::isalnum(static_cast<unsigned char>(text_[at_ - 1])) != 0;
  }
  void step() {
    if (sees("//")) return blank_to(after("\n", at_) - 1);
    if (sees("/*")) return blank_to(after("*/", at_ + 2));
    if (sees("R\"")) {
      const std::string tag = text_.substr(at_ + 2, text_.find('(', at_) - at_ - 2);
      return blank_to(after(")" + tag + "\"", at_ + 2));
    }
    if (text_[at_] == '"') return blank_to(end_of_literal('"'));
    if (text_[at_] == '\'' && !is_digit_separator()) return blank_to(end_of_literal('\''));
    ++at_;
  }

  std::string text_;
  size_t at_ = 0;
};

Findings check_length(const Source& source) {
  const int count = static_cast<int>(lines_of(source.text).size());
  const int limit = is_header(source.path) ? kHeaderLines : kFileLines;
  if (count <= limit) return {};
  return {at(source, count, "more than " + std::to_string(limit) + " lines")};
}

// Whether the brace after `head` (the text since the last ; { or }) opens a function's body.
bool opens_function(const std::string& head) {
  static const std::regex kType(
      R"(^\s*(template\s*<.*>\s*)?(inline\s+)?(namespace|enum|extern)\b)");
  static const std::regex kClass(R"(\b(class|struct|union)\s+(\w+\s*)*(final\s*)?(:[^:()].*)?$)");
  return head.find(')') != std::string::npos && !std::regex_search(head, kType) &&
         !std::regex_search(head, kClass);
}

Findings check_functions(const Source& source) {
  Findings findings;
  std::vector<int> function_starts;  // of open braces: its line if a function's body, else 0
  int depth_in_function = 0;
  int line = 1;
  std::string head;
  for (const char c : Blanker(source.text).run()) {
    if (c == '{') {
      const bool is_function = depth_in_function == 0 && opens_function(head);
      if (is_function || depth_in_function > 0) ++depth_in_function;
      function_starts.push_back(is_function ? line : 0);
    } else if (c == '}' && !function_starts.empty()) {
      if (depth_in_function > 0) --depth_in_function;
      const int start = function_starts.back();
      function_starts.pop_back();
      if (start > 0 && line - start + 1 > kFunctionLines) {
        findings.push_back(at(source, start, "function of more than 70 lines"));
      }
    }
    if (c == '\n') ++line;
    head = c == ';' || c == '{' || c == '}' ? "" : head + (c == '\n' ? ' ' : c);
  }
  return findings;
}

// The rooms that a room includes, and no others.
const std::map<std::string, std::set<std::string>> kEdges{
    {"grammar", {"grammar"}},
    {"catalog", {"catalog"}},
    {"ingest", {"ingest", "catalog"}},
    {"server", {"server", "grammar", "ingest", "catalog"}},
};

// Where a library's headers may be included: an expression for the header, one for the file. The
// first row whose header matches decides.
struct Home {
  const char* header;
  const char* file;
};
constexpr std::array kHomes{
    Home{"antlr4-runtime.*|Metadb(Lexer|Parser).*", "grammar/.*"},
    Home{"libpq.*|postgres.*|pg_config.*", "catalog/postgres\\.cc"},
    Home{"librdkafka/rdkafka_mock\\.h", "ingest/demo_broker\\.cc"},
    Home{"librdkafka/.*",
         "ingest/(kafka_(source|probe)\\.cc|kafka_handles\\.(h|cc)|demo_broker\\.cc)"},
    Home{"simdjson.*", "ingest/json.*\\.cc"},
    Home{"pcre2.*", "ingest/rules\\.cc"},
    Home{"boost/beast.*", "(server/http|ingest/schema_registry)\\.cc"},
    Home{"boost/.*|openssl/.*", "server/.*|ingest/(schema_registry|name_uuid)\\.cc"},
    Home{"stringprep\\.h", "server/saslprep\\.cc"},
    Home{"git2.*", "server/git_fetch\\.cc"},
    Home{"prometheus/.*", "server/http\\.cc"},
    Home{"yaml-cpp/.*", "server/config\\.cc"},
    Home{"CLI/.*", "server/main\\.cc"},
    // At home everywhere: fmt, spdlog, the standard library, the operating system.
    Home{"fmt/.*|spdlog/.*|[a-z0-9_]+|(sys|linux|netinet|arpa|net)/.*", ".*"},
    Home{"(unistd|fcntl|poll|signal|pwd|grp|netdb|pthread|dlfcn|termios|time|sched|endian|regex)\\."
         "h",
         ".*"},
};

bool is_at_home(const std::string& header, const std::string& path) {
  for (const Home& home : kHomes) {
    if (std::regex_match(header, std::regex(home.header))) {
      return std::regex_match(path, std::regex(home.file));
    }
  }
  return false;  // a library without a home
}

Findings check_includes(const Source& source) {
  const auto edges = kEdges.find(room_of(source.path));
  if (edges == kEdges.end()) return {};
  static const std::regex kInclude(R"re(^\s*#\s*include\s*(["<])([^">]+)[">])re");
  Findings findings;
  int number = 0;
  for (const std::string& line : lines_of(source.text)) {
    ++number;
    std::smatch match;
    if (!std::regex_search(line, match, kInclude)) continue;
    const std::string header = match[2];
    if (kEdges.contains(room_of(header)) && header.find('/') != std::string::npos) {
      if (!edges->second.contains(room_of(header))) {
        findings.push_back(at(source, number, edges->first + " includes " + header));
      }
    } else if (!is_at_home(header, source.path)) {
      findings.push_back(at(source, number, header + " is included outside its home"));
    }
  }
  return findings;
}

// A comment that is a statement, the head of a block or a directive.
bool is_code(const std::string& comment) {
  static const std::regex kCode(
      R"(^\s*(#\s*(include|if|define|endif)\b.*|[^`]*[\w>\])](\(.*\)|\s*(=|<<|\+=)\s*[^=].*|\+\+|--);|return\b[^.]*;|\}?\s*(else\b|(if|for|while|switch)\s*\().*\{|[\w:<>&*\s]+\(.*\).*\{|\}\s*;?)\s*$)");
  return std::regex_match(comment, kCode);
}

Findings check_comments(const Source& source) {
  static const std::regex kComment(R"(^\s*//+(.*)$)");
  Findings findings;
  int number = 0;
  for (const std::string& line : lines_of(source.text)) {
    ++number;
    std::smatch match;
    if (std::regex_match(line, match, kComment) && is_code(match[1])) {
      findings.push_back(at(source, number, "commented-out code"));
    }
  }
  return findings;
}

Findings check_names(const std::string& path) {
  static const std::regex kVague("utils?|common|helpers?|managers?|core");
  for (const fs::path& part : fs::path(path)) {
    if (std::regex_match(part.stem().string(), kVague)) {
      return {path + ": says nothing about what it holds"};
    }
  }
  return {};
}

// `files`: paths in the room. A README names a file in backquotes, whole (`a.g4`), as the stem of a
// pair (`postgres`), by an expression with * (`migrations/*.sql`) or by its folder (`commands/`).
Findings check_readme(const std::string& room, const std::string& readme,
                      const std::vector<std::string>& files) {
  static const std::regex kQuoted("`([^`]+)`");
  std::vector<std::regex> names;
  Findings findings;
  for (const std::string& line : lines_of(readme)) {
    bool is_first = true;
    for (std::sregex_iterator match(line.begin(), line.end(), kQuoted), end; match != end;
         ++match) {
      const std::string name = (*match)[1];
      if (!std::regex_match(name, std::regex(R"([\w./*-]+)"))) continue;
      std::string expression = std::regex_replace(name, std::regex(R"(\.)"), "\\.");
      expression = std::regex_replace(expression, std::regex(R"(\*)"), "[^/]*");
      expression += name.ends_with('/') ? ".*" : R"((\.\w+)?)";
      names.emplace_back(expression);
      const bool is_claim = is_first && std::regex_search(line, std::regex(R"(^\s*([-*|]\s*)`)"));
      is_first = false;
      if (is_claim && std::ranges::none_of(files, [&](const std::string& file) {
            return std::regex_match(file, names.back());
          })) {
        findings.push_back(room + "/README.md names " + name + ", which is not there");
      }
    }
  }
  for (const std::string& file : files) {
    if (std::ranges::none_of(names, [&](const auto& n) { return std::regex_match(file, n); })) {
      findings.push_back(room + "/README.md does not name " + file);
    }
  }
  return findings;
}

std::string contents(const fs::path& file) {
  std::ifstream input(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
}

// What somebody wrote: no build folders, caches or documents.
const std::vector<Source>& tree() {
  static const std::vector<Source> kTree = [] {
    const fs::path root = METADB_SOURCE_DIR;
    const std::set<std::string> skipped{"build", "target", "cache", "__pycache__"};
    std::vector<Source> found;
    for (const char* top : {"server", "grammar", "catalog", "ingest", "tests", "conf", "script"}) {
      if (!fs::exists(root / top)) continue;
      for (fs::recursive_directory_iterator entry(root / top), end; entry != end; ++entry) {
        const std::string name = entry->path().filename();
        if (entry->is_directory() && (skipped.contains(name) || name.starts_with('.'))) {
          entry.disable_recursion_pending();
        } else if (entry->is_regular_file()) {
          found.push_back({entry->path().lexically_relative(root), contents(entry->path())});
        }
      }
    }
    return found;
  }();
  return kTree;
}

std::vector<std::string> files_of(const std::string& room) {
  std::vector<std::string> files;
  for (const Source& source : tree()) {
    if (room_of(source.path) != room) continue;
    const std::string file = source.path.substr(room.size() + 1);
    if (file != "README.md" && file != "CMakeLists.txt") files.push_back(file);
  }
  return files;
}

template <typename Check>
Findings over_tree(bool (*is_checked)(const std::string&), Check check) {
  Findings all;
  for (const Source& source : tree()) {
    if (!is_checked(source.path)) continue;
    const Findings some = check(source);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

bool is_source(const std::string& path) {
  static const std::set<std::string> kEndings{".cc", ".h", ".g4", ".py", ".sh", ".txt", ""};
  return kEndings.contains(fs::path(path).extension()) && !path.starts_with("tests/sql/");
}
bool is_any(const std::string&) {
  return true;
}

TEST(Tree, IsRead) {
  EXPECT_GT(tree().size(), 10U);
}
TEST(Tree, HasNoLongFile) {
  EXPECT_THAT(over_tree(is_source, check_length), IsEmpty());
}
TEST(Tree, HasNoLongFunction) {
  EXPECT_THAT(over_tree(is_cpp, check_functions), IsEmpty());
}
TEST(Tree, IncludesAlongItsEdgesOnly) {
  EXPECT_THAT(over_tree(is_cpp, check_includes), IsEmpty());
}
TEST(Tree, HasNoCommentedOutCode) {
  EXPECT_THAT(over_tree(is_cpp, check_comments), IsEmpty());
}
TEST(Tree, HasNoVagueNames) {
  EXPECT_THAT(over_tree(is_any, [](const Source& source) { return check_names(source.path); }),
              IsEmpty());
}
TEST(Tree, RoomReadmesNameTheirFiles) {
  for (const auto& [room, edges] : kEdges) {
    const fs::path readme = fs::path(METADB_SOURCE_DIR) / room / "README.md";
    EXPECT_TRUE(fs::exists(readme)) << room << " has no README.md";
    EXPECT_THAT(check_readme(room, contents(readme), files_of(room)), IsEmpty());
  }
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Check, CountsLines) {
  EXPECT_THAT(check_length({"server/a.cc", repeated("x\n", 600)}), IsEmpty());
  EXPECT_THAT(check_length({"server/a.cc", repeated("x\n", 601)}),
              ElementsAre("server/a.cc:601: more than 600 lines"));
  EXPECT_THAT(check_length({"server/a.h", repeated("x\n", 251)}),
              ElementsAre("server/a.h:251: more than 250 lines"));
}

TEST(Check, MeasuresFunctions) {
  const std::string body = repeated("  f();\n", 69);
  const auto found = [](const std::string& text) { return check_functions({"a.cc", text}); };
  const auto too_long = ElementsAre("a.cc:2: function of more than 70 lines");
  EXPECT_THAT(found("\nint f(int a) {\n" + body + "}\n"), too_long);
  EXPECT_THAT(found("\nint f(int a) {\n" + repeated("x();\n", 68) + "}\n"), IsEmpty());
  EXPECT_THAT(found("\nA::A() : b_{1}, c_(2) {\n" + body + "}\n"), too_long);
  EXPECT_THAT(found("\nTEST(A, B) {\n  if (a) {\n" + body + "  }\n}\n"), too_long);
  EXPECT_THAT(found("\nvoid f(struct A a) {\n" + body + "}\n"), too_long);
  EXPECT_THAT(found("class A final : public B {\n void g() {\n" + body + "}\n};\n"), too_long);
  EXPECT_THAT(found("namespace a {\n" + repeated("void f() {}\n", 80) + "}\n"), IsEmpty());
  EXPECT_THAT(found("struct A {\n" + repeated("int f() const;\n", 80) + "};\n"), IsEmpty());
  EXPECT_THAT(found("const T kTable{\n" + repeated("{1, \"{(\", '{', 1'0},\n", 80) + "};\n"),
              IsEmpty());
  EXPECT_THAT(found("// void f() {\n" + body + "auto x = R\"(f() {)\";\n"), IsEmpty());
}

TEST(Check, HoldsRoomsToTheirEdges) {
  EXPECT_THAT(check_includes({"ingest/a.cc", "#include \"catalog/types.h\"\n"}), IsEmpty());
  EXPECT_THAT(check_includes({"catalog/a.cc", "\n#include \"ingest/b.h\"\n"}),
              ElementsAre("catalog/a.cc:2: catalog includes ingest/b.h"));
  EXPECT_THAT(check_includes({"grammar/a.h", "#include \"catalog/error.h\"\n"}),
              ElementsAre("grammar/a.h:1: grammar includes catalog/error.h"));
  EXPECT_THAT(check_includes({"server/a.cc", "#include \"b.h\"\n"}),
              ElementsAre("server/a.cc:1: b.h is included outside its home"));
}

TEST(Check, HoldsLibrariesToTheirHomes) {
  const auto found = [](const std::string& path, const std::string& header) {
    return check_includes({path, "#include <" + header + ">\n"}).size();
  };
  EXPECT_EQ(found("catalog/postgres.cc", "libpq-fe.h"), 0U);
  EXPECT_EQ(found("catalog/tables.cc", "libpq-fe.h"), 1U);
  EXPECT_EQ(found("catalog/postgres.h", "libpq-fe.h"), 1U);
  EXPECT_EQ(found("server/config.cc", "yaml-cpp/yaml.h"), 0U);
  EXPECT_EQ(found("server/main.cc", "yaml-cpp/yaml.h"), 1U);
  EXPECT_EQ(found("ingest/kafka_source.cc", "librdkafka/rdkafka_mock.h"), 1U);
  EXPECT_EQ(found("ingest/demo_broker.cc", "librdkafka/rdkafka_mock.h"), 0U);
  EXPECT_EQ(found("server/listener.h", "boost/asio.hpp"), 0U);
  EXPECT_EQ(found("ingest/worker.cc", "boost/asio.hpp"), 1U);
  EXPECT_EQ(found("ingest/schema_registry.cc", "openssl/ssl.h"), 0U);
  EXPECT_EQ(found("ingest/schema_registry.h", "openssl/ssl.h"), 1U);
  EXPECT_EQ(found("server/session.cc", "boost/beast.hpp"), 1U);
  EXPECT_EQ(found("server/a.cc", "zlib.h"), 1U);
  EXPECT_EQ(found("catalog/a.cc", "vector"), 0U);
  EXPECT_EQ(found("catalog/a.cc", "fmt/format.h"), 0U);
  EXPECT_EQ(found("tests/catalog/a.cc", "libpq-fe.h"), 0U);
}

TEST(Check, KnowsCodeFromProse) {
  for (const char* code :
       {" foo(bar);", " int x = 3;", "  return x;", " if (x) {", " } else {", " #include <x>",
        " std::string f(int x) {", " a.b->c(d);", " ++;x++;", " }", " out << x;"}) {
    EXPECT_TRUE(is_code(code)) << code;
  }
  for (const char* prose : {" One sentence.", " the first half;", " as in `f(x);`", " name={value}",
                            " a plain one (fails);", " see libpq (conninfo)",
                            " returns what; see below", " {\"a\": 1} is JSON", ""}) {
    EXPECT_FALSE(is_code(prose)) << prose;
  }
  EXPECT_THAT(check_comments({"a.cc", "int x;\n  // x = 2;\n"}),
              ElementsAre("a.cc:2: commented-out code"));
}

TEST(Check, RefusesVagueNames) {
  EXPECT_THAT(check_names("server/util/a.cc").size(), 1U);
  EXPECT_THAT(check_names("ingest/helpers.cc").size(), 1U);
  EXPECT_THAT(check_names("server/utility_bill.cc"), IsEmpty());
}

TEST(Check, ComparesReadmesWithFiles) {
  const std::string readme =
      "The room.\n- `a`: one\n- `G.g4`: two, unlike `elsewhere`\n- `wire/`: all\n- `m/*.sql`: "
      "steps\n";
  const std::vector<std::string> files{"a.h", "a.cc", "G.g4", "wire/f.cc", "m/1.sql"};
  EXPECT_THAT(check_readme("r", readme, files), IsEmpty());
  EXPECT_THAT(check_readme("r", readme, {"a.h", "G.g4", "wire/f.cc", "m/1.sql", "b.cc"}),
              ElementsAre("r/README.md does not name b.cc"));
  EXPECT_THAT(check_readme("r", readme + "- `gone`: old\n", files),
              ElementsAre("r/README.md names gone, which is not there"));
}

}  // namespace
}  // namespace metadb::tests
