#include "tests/server/commands_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;

class Rights : public CommandsTest {};

TEST_F(Rights, CommandsAreForSuperusersTheSystemUserAndMembersOfMetadbAdmin) {
  create_role("member");
  superuser_.exec("GRANT metadb_admin TO " + role("member"));
  for (const std::string& user : {std::string("postgres"), role("system"), role("member")}) {
    EXPECT_EQ(run_as(user, kCreate).tag, "CREATE DATA SOURCE") << user;
    EXPECT_EQ(run_as(user, "drop data source s").tag, "DROP DATA SOURCE") << user;
  }
}

TEST_F(Rights, OfOthersAreDenied) {
  create_role("other");
  for (const std::string& sql :
       {std::string(kCreate), std::string("drop data source s"), std::string("list config"),
        std::string("list status"), std::string("alter system set max_poll_interval = '20000'"),
        std::string("verify consistency")}) {
    const Error error = failure_as(role("other"), sql);
    EXPECT_EQ(error.sqlstate, "42501") << sql;
    EXPECT_TRUE(error.message().starts_with("permission denied for ")) << error.message();
  }
  EXPECT_EQ(only("SELECT count(*) FROM metadb.source"), "0");
}

TEST_F(Rights, AreThoseOfTheMoment) {
  create_role("member");
  EXPECT_EQ(failure_as(role("member"), "list config").sqlstate, "42501");
  superuser_.exec("GRANT metadb_admin TO " + role("member"));
  EXPECT_EQ(run_as(role("member"), "list config").tag, "LIST");
  superuser_.exec("REVOKE metadb_admin FROM " + role("member"));
  EXPECT_EQ(failure_as(role("member"), "list config").sqlstate, "42501");
}

TEST_F(Rights, OfARegisteredUserAreToListTheStatus) {
  create_role("reader");
  superuser_.exec("INSERT INTO metadb.auth (username) VALUES ('" + role("reader") + "')");
  EXPECT_EQ(run_as(role("reader"), "list status").tag, "LIST");
  EXPECT_EQ(failure_as(role("reader"), "list data_sources").sqlstate, "42501");
}

TEST_F(Rights, OfARoleThatIsGoneAreNone) {
  EXPECT_EQ(failure_as("nobody_of_this_name", "list config").sqlstate, "42501");
}

}  // namespace
}  // namespace metadb::tests
