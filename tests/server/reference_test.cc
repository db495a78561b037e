// docs/reference.md names everything that the tables of the program hold.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <utility>

#include "catalog/settings.h"
#include "catalog/sources.h"
#include "grammar/ast.h"
#include "server/commands/listing.h"

namespace metadb::tests {
namespace {

std::string reference() {
  std::ifstream input(std::filesystem::path(METADB_SOURCE_DIR) / "docs/reference.md");
  std::stringstream text;
  text << input.rdbuf();
  return text.str();
}

std::set<std::string> titles(const std::string& text) {
  static const std::regex kTitle("(^|\n)## ([^\n]+)");
  std::set<std::string> out;
  for (std::sregex_iterator at(text.begin(), text.end(), kTitle), end; at != end; ++at) {
    out.insert((*at)[2]);
  }
  return out;
}

template <size_t... kIndex>
void expect_a_page_for_each(const std::set<std::string>& pages,
                            std::index_sequence<kIndex...> /*all*/) {
  const auto expect_page = [&](std::string_view tag) {
    const auto page = pages.lower_bound(std::string(tag));
    EXPECT_TRUE(page != pages.end() && page->starts_with(tag)) << "no page for " << tag;
  };
  (expect_page(std::variant_alternative_t<kIndex, grammar::ast::Command>::kTag), ...);
}

TEST(Reference, HasAPageForEachCommand) {
  const std::set<std::string> pages = titles(reference());
  expect_a_page_for_each(pages,
                         std::make_index_sequence<std::variant_size_v<grammar::ast::Command>>());
}

TEST(Reference, NamesWhatCanBeListed) {
  const std::string text = reference();
  for (const server::Listing& listing : server::listings()) {
    EXPECT_NE(text.find("`" + std::string(listing.name) + "`"), std::string::npos) << listing.name;
    for (const auto& column : listing.columns) {
      EXPECT_NE(text.find(column.name), std::string::npos) << listing.name << "." << column.name;
    }
  }
}

TEST(Reference, NamesOptionsAndParameters) {
  const std::string text = reference();
  for (const catalog::SourceOptionRow& row : catalog::source_option_rows()) {
    EXPECT_NE(text.find("`" + std::string(row.name) + "`"), std::string::npos) << row.name;
  }
  for (const catalog::SettingRow& row : catalog::setting_rows()) {
    EXPECT_NE(text.find("`" + std::string(row.name) + "`"), std::string::npos) << row.name;
  }
}

}  // namespace
}  // namespace metadb::tests
