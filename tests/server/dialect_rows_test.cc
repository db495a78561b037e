// dialect_rows.txt names a test for each row of the dialect's tables.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "catalog/settings.h"
#include "catalog/sources.h"
#include "grammar/ast.h"
#include "server/commands/listing.h"

namespace metadb::tests {
namespace {

struct DialectRow {
  std::string name;
  std::string file;
  std::string text;
};

std::string text_of_test(const std::string& file) {
  std::ifstream input(std::filesystem::path(METADB_SOURCE_DIR) / "tests" / file);
  std::stringstream text;
  text << input.rdbuf();
  return text.str();
}

std::vector<DialectRow> dialect_rows() {
  std::vector<DialectRow> out;
  std::istringstream lines(text_of_test("server/dialect_rows.txt"));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    const size_t first = line.find(" | ");
    const size_t second = first == std::string::npos ? first : line.find(" | ", first + 3);
    if (second == std::string::npos) {
      ADD_FAILURE() << "no row: " << line;
      continue;
    }
    out.push_back({line.substr(0, first), line.substr(first + 3, second - first - 3),
                   line.substr(second + 3)});
  }
  return out;
}

// Of a page of docs/reference.md.
std::set<std::string> sqlstates_of(const std::string& page) {
  static const std::regex kSqlstate("(^|[^0-9A-Z])([0-9][0-9A-Z]{4})(?=[^0-9A-Z])");
  const std::string reference = text_of_test("../docs/reference.md");
  const size_t begin = reference.find("\n## " + page + "\n");
  const size_t end = reference.find("\n## ", begin + 1);
  const size_t errors = reference.find("\n### Errors\n", begin);
  if (begin == std::string::npos || errors > end) return {};
  const std::string section =
      reference.substr(errors, reference.find("\n### ", errors + 1) - errors);
  std::set<std::string> out;
  for (std::sregex_iterator at(section.begin(), section.end(), kSqlstate), last; at != last; ++at)
    out.insert((*at)[2]);
  return out;
}

bool is_in_one_of(const std::string& files, const std::string& text) {
  std::istringstream names(files);
  for (std::string file; names >> file;) {
    if (text_of_test(file).find(text) != std::string::npos) return true;
  }
  return false;
}

bool has_row(const std::vector<DialectRow>& rows, const std::string& name) {
  for (const DialectRow& row : rows) {
    if (row.name == name || row.name.starts_with(name + " ") || row.name.starts_with(name + ":"))
      return true;
  }
  return false;
}

template <size_t... kIndex>
std::set<std::string> all_tags(std::index_sequence<kIndex...> /*all*/) {
  return {std::string(std::variant_alternative_t<kIndex, grammar::ast::Command>::kTag)...};
}

constexpr std::string_view kErrorsOf = "errors of ";

TEST(DialectRows, EachNamesATestThatIsThere) {
  const auto rows = dialect_rows();
  std::set<std::string> names;
  for (const DialectRow& row : rows) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " stands there twice";
    if (row.name.starts_with(kErrorsOf)) continue;
    EXPECT_NE(text_of_test(row.file).find(row.text), std::string::npos)
        << row.name << ": tests/" << row.file << " does not say " << row.text;
  }
}

TEST(DialectRows, NameTestsOfEachErrorInTheReference) {
  std::set<std::string> pages;
  for (const DialectRow& row : dialect_rows()) {
    if (!row.name.starts_with(kErrorsOf)) continue;
    const std::string page = row.name.substr(kErrorsOf.size());
    pages.insert(page);
    const auto sqlstates = sqlstates_of(page);
    EXPECT_FALSE(sqlstates.empty()) << "docs/reference.md has no errors of " << page;
    for (const std::string& sqlstate : sqlstates) {
      EXPECT_NE(row.text.find(sqlstate) != std::string::npos, is_in_one_of(row.file, sqlstate))
          << page << ": " << sqlstate;
    }
  }
  const std::string reference = text_of_test("../docs/reference.md");
  for (size_t at = reference.find("\n## "); at != std::string::npos;) {
    const std::string page = reference.substr(at + 4, reference.find('\n', at + 1) - at - 4);
    EXPECT_TRUE(sqlstates_of(page).empty() || pages.contains(page)) << page;
    at = reference.find("\n## ", at + 1);
  }
}

TEST(DialectRows, AreThereForWhateverTheProgramKnows) {
  const auto rows = dialect_rows();
  const auto expect = [&](const std::string& name) {
    EXPECT_TRUE(has_row(rows, name)) << "no test is named for " << name;
  };
  using Commands = std::make_index_sequence<std::variant_size_v<grammar::ast::Command>>;
  for (const std::string& tag : all_tags(Commands())) expect(tag);
  for (const server::Listing& listing : server::listings())
    expect("list " + std::string(listing.name));
  for (const catalog::SourceOptionRow& row : catalog::source_option_rows())
    expect("option " + std::string(row.name));
  for (const catalog::SettingRow& row : catalog::setting_rows())
    expect("parameter " + std::string(row.name));
}

}  // namespace
}  // namespace metadb::tests
