#include "catalog/settings.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "catalog/external_sql.h"

namespace metadb::tests {
namespace {

using catalog::SettingRow;

bool takes(const std::string& name, const std::string& value) {
  return !catalog::setting_row(name)->problem(value).has_value();
}

// Examples of what each parameter takes and refuses: none may be without.
struct Example {
  std::string name;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

const std::vector<Example> kExamples = {
    {"checkpoint_segment_size", {"1", "1000000"}, {"", "0", "1000001", "x", "1e3", "1 "}},
    {"external_sql_folio",
     {"", "refs/tags/v1.8.0", "main", "https://user:x@host/a.git/refs/heads/main",
      "file:///srv/sql/refs/tags/v1"},
     {"https://host/a.git", "ssh://host/a/refs/heads/main", "two words", "a\nb",
      "https:///refs/heads/main"}},
    {"external_sql_reshare", {"", "refs/tags/v1.1.0"}, {"https://host/x"}},
    {"external_sql_timeout", {"1", "604800"}, {"0", "-1", "604801", "1h"}},
    {"kafka_sync_concurrency", {"1", "32"}, {"0", "33"}},
    {"log_retention",
     {"forever", "1 day", "90 days", "12 months", "1 year"},
     {"", "12", "months", "0 days", "-1 days", "1 hour", "12  months", "10001 days", "1001 years"}},
    {"maintenance_time",
     {"00:00", "03:00", "23:59"},
     {"", "24:00", "3:00", "03:60", "03:00:00", "x3:00", "03-00"}},
    {"max_poll_interval", {"10000", "1800000"}, {"9999", "86400001"}},
    {"tables_per_transaction", {"1", "1000"}, {"0", "1001"}},
};

TEST(Settings, TakeWhatTheyMayAndRefuseTheRest) {
  std::set<std::string> seen;
  for (const Example& example : kExamples) {
    ASSERT_NE(catalog::setting_row(example.name), nullptr) << example.name;
    seen.insert(example.name);
    for (const std::string& value : example.good) {
      EXPECT_TRUE(takes(example.name, value)) << example.name << " " << value;
    }
    for (const std::string& value : example.bad) {
      EXPECT_FALSE(takes(example.name, value)) << example.name << " " << value;
    }
  }
  EXPECT_EQ(seen.size(), catalog::setting_rows().size()) << "every parameter has an example";
}

TEST(Settings, TakeTheirDefaultsAndSayWhatTheyAre) {
  for (const SettingRow& row : catalog::setting_rows()) {
    EXPECT_FALSE(row.problem(row.default_value)) << row.name;
    EXPECT_TRUE(row.description.ends_with('.')) << row.name;
  }
}

TEST(Settings, HideWhatAUrlSaysBeforeItsHost) {
  EXPECT_EQ(catalog::shown_setting("https://me:hush@host/a@b.git"),
            "https://********@host/a@b.git");
  EXPECT_EQ(catalog::shown_setting("https://a@b:c@host"), "https://********@host");
  EXPECT_EQ(catalog::shown_setting("https://me:hu/sh@host/a"), "https://********@host/a");
  EXPECT_EQ(catalog::shown_setting("https://host:8443/a@b"), "https://host:8443/a@b");
  EXPECT_EQ(catalog::shown_setting("https://host/a@b"), "https://host/a@b");
  EXPECT_EQ(catalog::shown_setting("refs/tags/a@b"), "refs/tags/a@b");
}

TEST(Settings, OfExternalSqlNameARepository) {
  catalog::Settings settings = {{"external_sql_folio", "refs/tags/v1.8.0"},
                                {"external_sql_reshare", ""}};
  auto fixed = catalog::fixed_external_sql(settings);
  ASSERT_EQ(fixed.size(), 1U);
  EXPECT_EQ(fixed[0].name, "folio");
  EXPECT_EQ(fixed[0].url, "https://github.com/folio-org/folio-analytics.git");
  EXPECT_EQ(fixed[0].ref, "refs/tags/v1.8.0");
  EXPECT_EQ(fixed[0].path, "sql_metadb/derived_tables");
  EXPECT_EQ(fixed[0].schema, "folio_derived");
  settings["external_sql_folio"] = "";
  settings["external_sql_reshare"] = "https://host/refs/x.git/refs/heads/a/b";
  fixed = catalog::fixed_external_sql(settings);
  ASSERT_EQ(fixed.size(), 1U);
  EXPECT_EQ(fixed[0].name, "reshare");
  EXPECT_EQ(fixed[0].url, "https://host/refs/x.git");
  EXPECT_EQ(fixed[0].ref, "refs/heads/a/b");
  EXPECT_EQ(fixed[0].path, "sql/derived_tables");
  EXPECT_EQ(fixed[0].schema, "reshare_derived");
}

// The table in docs/configuration.md; METADB_WRITE_CONF=1 writes it anew.
TEST(Settings, DocsHaveTheTableOfThem) {
  const std::filesystem::path file = METADB_SOURCE_DIR "/docs/configuration.md";
  std::ifstream input(file);
  std::string text{std::istreambuf_iterator<char>(input), {}};
  const std::string head = "| parameter | default | meaning |\n|---|---|---|\n";
  std::string wanted = head;
  for (const SettingRow& row : catalog::setting_rows()) {
    const std::string value =
        row.default_value.empty() ? "" : fmt::format("`{}`", row.default_value);
    wanted += fmt::format("| `{}` | {} | {} |\n", row.name, value, row.description);
  }
  const size_t begin = text.find(head);
  ASSERT_NE(begin, std::string::npos);
  size_t end = begin;
  while (end < text.size() && text[end] == '|') end = text.find('\n', end) + 1;
  if (std::getenv("METADB_WRITE_CONF") != nullptr) {
    text.replace(begin, end - begin, wanted);
    std::ofstream(file) << text;
    end = begin + wanted.size();
  }
  EXPECT_EQ(text.substr(begin, end - begin), wanted);
}

}  // namespace
}  // namespace metadb::tests
