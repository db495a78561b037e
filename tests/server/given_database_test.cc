// The program itself, on a PostgreSQL that it is given.
#include <gmock/gmock.h>

#include "tests/fakes/eventually.h"
#include "tests/fakes/test_database.h"
#include "tests/server/program.h"

namespace metadb::tests {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// On the suite's PostgreSQL, which trusts everybody: connections as any role succeed.
class GivenDatabase : public Program {
 protected:
  void SetUp() override {
    role_ = database_.name() + "_role";
    database_.connect().exec("CREATE ROLE " + role_ + " LOGIN");
  }
  void TearDown() override { database_.connect().exec("DROP ROLE " + role_); }

  server::ChildResult init_with(const std::vector<std::pair<std::string, std::string>>& settings) {
    return run({"init", "-D", directory_.string(), "--database",
                catalog::conninfo_with(database_.conninfo(), settings)});
  }

  TestDatabase database_;
  std::string role_;
};

TEST_F(GivenDatabase, InitKeepsTheConninfoAndMakesNoCluster) {
  const auto made = init_with({{"password", "s3cret value"}});
  ASSERT_EQ(made.exit_code, 0) << made.output;
  EXPECT_THAT(made.output, HasSubstr("-U postgres -d " + database_.name() + "\n"));
  EXPECT_THAT(made.output, Not(HasSubstr("s3cret")));
  EXPECT_THAT(made.output, HasSubstr("accept_backend_trust")) << "the suite's server trusts";
  EXPECT_THAT(contents(directory_ / "metadb.yaml"), HasSubstr("s3cret value"));
  EXPECT_EQ(mode_of(directory_ / "metadb.yaml"), 0600);
  EXPECT_FALSE(fs::exists(directory_ / "postgres"));
  Running server(directory_);
  EXPECT_TRUE(server.says("info: started")) << server.log();
  EXPECT_THAT(server.log(), Not(HasSubstr("s3cret")));
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST_F(GivenDatabase, InitNamesWhatWillNotWorkWithoutRights) {
  const auto made = init_with({{"user", role_}});
  ASSERT_EQ(made.exit_code, 0) << made.output;
  EXPECT_THAT(made.output, HasSubstr("has no CREATEROLE: create user"));
  EXPECT_THAT(made.output, HasSubstr("has no CREATE on database"));
  EXPECT_THAT(made.output, HasSubstr("is no superuser"));
}

TEST_F(GivenDatabase, StartRefusesASchemaOfANewerProgramInOneLine) {
  ASSERT_EQ(init_with({}).exit_code, 0);
  {
    Running server(directory_);
    ASSERT_TRUE(server.says("info: started")) << server.log();
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
  }
  database_.connect().exec("UPDATE metadb.init SET dbversion = 999999");
  const auto refused = run({"start", "-D", directory_.string()});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output,
              ContainsRegex("(^|\n)metadb: the schema \"metadb\" has version 999999, this program "
                            "knows only up to [0-9]+\nHint: [^\n]+\n$"));
  EXPECT_EQ(database_.connect().exec("SELECT dbversion FROM metadb.init").int64(0, 0), 999999);
}

TEST_F(GivenDatabase, InitMakesNothingIfTheDatabaseDoesNotAnswer) {
  const auto made = init_with({{"dbname", "absent_database"}, {"password", "s3cret"}});
  EXPECT_EQ(made.exit_code, 1);
  EXPECT_THAT(made.output, HasSubstr("absent_database"));
  EXPECT_THAT(made.output, Not(HasSubstr("s3cret")));
  EXPECT_FALSE(fs::exists(directory_));
}

TEST_F(GivenDatabase, SocketDirectoryCountsFromTheDataDirectory) {
  ASSERT_EQ(init_with({}).exit_code, 0);
  configure("# unix_socket_directory:", "unix_socket_directory: socket");
  server::make_private_directory(directory_ / "socket", server::owner_account());
  Running server(directory_);
  ASSERT_TRUE(server.says("info: started")) << server.log();
  EXPECT_THAT(run({"status", "-D", directory_.string()}).output,
              HasSubstr("listening  " + (directory_ / "socket/.s.PGSQL.").string()));
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

}  // namespace
}  // namespace metadb::tests
