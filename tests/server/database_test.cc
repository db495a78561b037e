#include "server/database.h"

#include <gtest/gtest.h>

#include "catalog/error.h"

namespace metadb::tests {
namespace {

TEST(Database, NeedsPostgres13) {
  const server::DatabaseReport report{
      .version = "12.22", .name = "shop", .system_user = "", .warnings = {}};
  for (const int number : {90624, 120022, 129999}) {
    try {
      server::check_version(number, report);
      ADD_FAILURE() << number << " was taken";
    } catch (const catalog::Error& error) {
      EXPECT_EQ(error.sqlstate, "0A000");
      EXPECT_EQ(error.message(), "database \"shop\" is PostgreSQL 12.22; metadb needs 13 or newer");
    }
  }
  for (const int number : {130000, 150008, 180000})
    EXPECT_NO_THROW(server::check_version(number, report)) << number;
}

}  // namespace
}  // namespace metadb::tests
