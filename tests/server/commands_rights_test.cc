#include <set>

#include "server/commands/listing.h"
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

// A statement of each; a new command without one here does not compile.
template <class Command>
std::string statement_of() {
  namespace ast = grammar::ast;
  if constexpr (std::is_same_v<Command, ast::CreateDataSource>) return kCreate;
  if constexpr (std::is_same_v<Command, ast::AlterDataSource>)
    return "alter data source s options (set topics 't')";
  if constexpr (std::is_same_v<Command, ast::DropDataSource>) return "drop data source s";
  if constexpr (std::is_same_v<Command, ast::PauseDataSource>) return "pause data source s";
  if constexpr (std::is_same_v<Command, ast::ResumeDataSource>) return "resume data source s";
  if constexpr (std::is_same_v<Command, ast::CreateDataOrigin>) return "create data origin o";
  if constexpr (std::is_same_v<Command, ast::CreateDataMapping>)
    return "create data mapping for json from table s.t__ column c path '$' to 't'";
  if constexpr (std::is_same_v<Command, ast::DropDataMapping>)
    return "drop data mapping for json from table s.t__ column c path '$'";
  if constexpr (std::is_same_v<Command, ast::CreateUser>) return "create user u with password 'p'";
  if constexpr (std::is_same_v<Command, ast::DropUser>) return "drop user u";
  if constexpr (std::is_same_v<Command, ast::RegisterUser>) return "register user u";
  if constexpr (std::is_same_v<Command, ast::DeregisterUser>) return "deregister user u";
  if constexpr (std::is_same_v<Command, ast::CreateSchemaForUser>)
    return "create schema for user u";
  if constexpr (std::is_same_v<Command, ast::GrantAccess>) return "grant access on all to u";
  if constexpr (std::is_same_v<Command, ast::RevokeAccess>) return "revoke access on all from u";
  if constexpr (std::is_same_v<Command, ast::AlterTableAddColumn>)
    return "alter table s.t__ add column c text";
  if constexpr (std::is_same_v<Command, ast::AlterTableAlterColumnType>)
    return "alter table s.t__ alter column c type text";
  if constexpr (std::is_same_v<Command, ast::PurgeData>) return "purge data drop table s.t__";
  if constexpr (std::is_same_v<Command, ast::AlterSystemSet>)
    return "alter system set max_poll_interval = '20000'";
  if constexpr (std::is_same_v<Command, ast::List>) return "list config";
  if constexpr (std::is_same_v<Command, ast::RefreshInferredColumnTypes>)
    return "refresh inferred column types";
  if constexpr (std::is_same_v<Command, ast::VerifyConsistency>) return "verify consistency";
  if constexpr (std::is_same_v<Command, ast::RetryDeadLetters>) return "retry dead letters";
  if constexpr (std::is_same_v<Command, ast::PurgeDeadLetters>) return "purge dead letters";
  if constexpr (std::is_same_v<Command, ast::CreateExternalSql>)
    return "create external sql n from 'https://h/r.git' ref 'v' path '' schema 'x'";
  if constexpr (std::is_same_v<Command, ast::DropExternalSql>) return "drop external sql n";
  if constexpr (std::is_same_v<Command, ast::RunExternalSql>) return "run external sql";
  if constexpr (std::is_same_v<Command, ast::SyncDataSource>) return "sync data source s";
  if constexpr (std::is_same_v<Command, ast::EndSyncDataSource>) return "endsync data source s";
}

template <size_t... kIndex>
std::vector<std::string> statements(std::index_sequence<kIndex...> /*all*/) {
  return {statement_of<std::variant_alternative_t<kIndex, grammar::ast::Command>>()...};
}

TEST_F(Rights, OfOthersCoverNoCommandAndNoList) {
  create_role("other");
  std::vector<std::string> all =
      statements(std::make_index_sequence<std::variant_size_v<grammar::ast::Command>>());
  for (const server::Listing& listing : server::listings())
    all.push_back("list " + std::string(listing.name));
  const std::set<std::string> for_users = {"list status", "list snapshot_tables"};
  for (const std::string& sql : all) {
    EXPECT_EQ(failure_as(role("other"), sql).sqlstate, "42501") << sql;
    if (for_users.contains(sql)) continue;
    superuser_.exec("INSERT INTO metadb.auth (username) VALUES ($1)", {role("other")});
    EXPECT_EQ(failure_as(role("other"), sql).sqlstate, "42501") << sql << " as a registered user";
    superuser_.exec("DELETE FROM metadb.auth");
  }
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
  EXPECT_EQ(run_as(role("reader"), "list snapshot_tables").tag, "LIST");
  EXPECT_EQ(failure_as(role("reader"), "list data_sources").sqlstate, "42501");
}

TEST_F(Rights, OfARoleThatIsGoneAreNone) {
  EXPECT_EQ(failure_as("nobody_of_this_name", "list config").sqlstate, "42501");
}

}  // namespace
}  // namespace metadb::tests
