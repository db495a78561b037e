#include "ingest/names.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace metadb::tests {
namespace {

using ingest::column_name;
using ingest::TableNames;

TEST(TableNames, AreThoseOfTheDialect) {
  const TableNames names("t");
  EXPECT_EQ(names.current, "t");
  EXPECT_EQ(names.main, "t__");
  EXPECT_EQ(names.history, "zzz___t___");
  EXPECT_EQ(names.leaf(2026), "zzz___t___2026");
  EXPECT_EQ(names.sync, "zzz___t___sync");
}

TEST(TableNames, FitPostgresAndKeepTheNameAsLongAsPossible) {
  for (size_t length = 1; length <= 120; length++) {
    const std::string table(length, 'x');
    const TableNames names(table);
    for (const std::string& name :
         {names.current, names.main, names.history, names.leaf(2026), names.sync}) {
      EXPECT_LE(name.size(), 63U) << length;
    }
    EXPECT_EQ(names.current == table, length <= 61) << length;
    EXPECT_EQ(names.history == "zzz___" + table + "___", length <= 50) << length;
  }
}

TEST(TableNames, ShortenedOnesAreStableAndDiffer) {
  const std::string longer(51, 'x');
  EXPECT_EQ(TableNames(longer).history, "zzz___" + std::string(41, 'x') + "_f6b9e355___");
  EXPECT_NE(TableNames(longer).history, TableNames(longer + "y").history);
  EXPECT_NE(TableNames(std::string(70, 'x')).current, TableNames(std::string(71, 'x')).current);
}

TEST(TableNames, AreCutBetweenCharacters) {
  std::string name;
  while (name.size() < 80) name += "\xe2\x82\xac";
  const TableNames names(name);
  EXPECT_EQ(names.current.substr(0, 39), name.substr(0, 39));
  EXPECT_EQ(names.current[39], '_');
  EXPECT_EQ(ingest::utf8_prefix("\xe2\x82\xac", 2), "");
  EXPECT_EQ(ingest::utf8_prefix("a\xe2\x82\xac", 4), "a\xe2\x82\xac");
}

TEST(ColumnNames, StayAsTheSourceSpellsThem) {
  for (const char* name : {"id", "Name", "with space", "__ID", "select", "caf\xc3\xa9"}) {
    EXPECT_EQ(column_name(name, {}), name);
  }
}

TEST(ColumnNames, LeaveOursAndPostgresAlone) {
  for (const std::string name : {"__id", "__start", "__end", "__current", "__origin", "tableoid",
                                 "ctid", "xmin", "cmin", "xmax", "cmax", ""}) {
    EXPECT_EQ(column_name(name, {}), name + "_2");
  }
}

TEST(ColumnNames, AreDistinct) {
  std::set<std::string, std::less<>> taken;
  const std::string longest(63, 'x');
  for (const std::string& name : {std::string("a"), std::string("a"), std::string("a_2"),
                                  std::string("a"), std::string("__id"), std::string("__id_2"),
                                  longest, longest, longest + "y", longest + "z"}) {
    const std::string given = column_name(name, taken);
    EXPECT_LE(given.size(), 63U);
    EXPECT_TRUE(taken.insert(given).second) << given;
  }
}

}  // namespace
}  // namespace metadb::tests
