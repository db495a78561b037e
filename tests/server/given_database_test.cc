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

// A connection string without a user means whoever connects: init asks as the server will.
TEST_F(GivenDatabase, InitKeepsTheUserThatTheServerWouldBe) {
  const std::string name = server::owner_account().name;
  if (name != "postgres") GTEST_SKIP() << "the suite's PostgreSQL has no role " << name;
  std::string conninfo = database_.conninfo();
  conninfo.erase(conninfo.find("user='postgres'"), std::string("user='postgres'").size());
  ASSERT_EQ(catalog::conninfo_value(conninfo, "user"), std::nullopt);
  const auto made = run({"init", "-D", directory_.string(), "--database", conninfo});
  ASSERT_EQ(made.exit_code, 0) << made.output;
  EXPECT_THAT(made.output, HasSubstr("-U postgres -d " + database_.name() + "\n"));
  EXPECT_THAT(contents(directory_ / "metadb.yaml"), HasSubstr("user='postgres'"));
}

TEST_F(GivenDatabase, NeedsNoAccountThatIsInAList) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be a user without a name";
  const fs::path copy = folder_ / "metadb";
  fs::copy_file(program(), copy);
  fs::permissions(copy, fs::perms(0755));
  fs::create_directory(folder_ / "home");
  constexpr uid_t kNobody = 54321;
  ASSERT_EQ(chown((folder_ / "home").c_str(), kNobody, kNobody), 0);
  const server::Account nameless{kNobody, kNobody, "54321"};
  const std::string directory = folder_ / "home/d";
  const auto as_nobody = [&](std::vector<std::string> command) {
    command.insert(command.begin(), copy.string());
    return server::run_child({.command = std::move(command), .account = nameless});
  };
  const auto refused = as_nobody({"init", "-D", directory});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, testing::StartsWith("metadb: user 54321 has no entry in the list of "
                                                  "users, whom the private PostgreSQL needs\n"));
  EXPECT_FALSE(fs::exists(directory));
  const auto made = as_nobody({"init", "-D", directory, "--database", database_.conninfo()});
  ASSERT_EQ(made.exit_code, 0) << made.output;
  EXPECT_THAT(made.output, HasSubstr("warning: user 54321 has no entry in the list of users"));
  auto server = server::ChildProcess::start({.command = {copy, "start", "-D", directory, "-p", "0"},
                                             .account = nameless,
                                             .log = folder_ / "home/log"});
  EXPECT_TRUE(eventually([&] {
    return contents(folder_ / "home/log").find("info: started") != std::string::npos;
  })) << contents(folder_ / "home/log");
  EXPECT_EQ(as_nobody({"stop", "-D", directory}).exit_code, 0);
  EXPECT_EQ(server.wait(), 0);
}

// As in a container that holds nothing but metadb.
TEST_F(GivenDatabase, RootNeedsNoAccountPostgres) {
  if (geteuid() != 0) GTEST_SKIP() << "for root alone";
  if (server::run_child({.command = {"/usr/bin/unshare", "-m", "/bin/true"}}).exit_code != 0) {
    GTEST_SKIP() << "no mount namespaces here";
  }
  const fs::path users = folder_ / "passwd";
  std::ofstream(users) << "root:x:0:0:root:/root:/bin/sh\n";
  const auto alone = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> command{"/usr/bin/unshare",
                                     "-m",
                                     "/bin/sh",
                                     "-c",
                                     "mount --bind \"$0\" /etc/passwd && exec \"$@\"",
                                     users.string(),
                                     program()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
  };
  const std::string directory = directory_.string();
  const auto refused = server::run_child({.command = alone({"init", "-D", directory})});
  EXPECT_THAT(refused.output, testing::StartsWith("metadb: there is no user \"postgres\", whom the "
                                                  "private PostgreSQL needs\n"));
  const auto made = server::run_child(
      {.command = alone({"init", "-D", directory, "--database", database_.conninfo()})});
  ASSERT_EQ(made.exit_code, 0) << made.output;
  auto server = server::ChildProcess::start(
      {.command = alone({"start", "-D", directory, "-p", "0"}), .log = folder_ / "log"});
  EXPECT_TRUE(eventually([&] {
    return contents(folder_ / "log").find("info: started") != std::string::npos;
  })) << contents(folder_ / "log");
  EXPECT_THAT(contents(folder_ / "log"), HasSubstr("warning: there is no user \"postgres\""));
  EXPECT_EQ(server::run_child({.command = alone({"stop", "-D", directory})}).exit_code, 0);
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

TEST_F(GivenDatabase, LogsWhereTheCommandLineOrTheConfigurationSays) {
  ASSERT_EQ(init_with({}).exit_code, 0);
  const auto expect_log = [&](const fs::path& file, const std::vector<std::string>& more) {
    Running server(directory_, more);
    EXPECT_TRUE(eventually([&] {
      return contents(file).find("info: started") != std::string::npos;
    })) << contents(file);
    server.signal(SIGTERM);
    EXPECT_FALSE(server.says("no such line")) << "standard error ends with the server";
    EXPECT_EQ(server.log(), "");
    EXPECT_EQ(server.wait(), 0);
    EXPECT_THAT(contents(file), HasSubstr("info: stopped"));
  };
  expect_log(folder_ / "told.log", {"-l", (folder_ / "told.log").string()});
  configure("# file:", "file: own.log");
  expect_log(directory_ / "own.log", {});
  const std::string before = contents(directory_ / "own.log");
  expect_log(folder_ / "again.log", {"--log", (folder_ / "again.log").string()});
  EXPECT_EQ(contents(directory_ / "own.log"), before);
}

TEST_F(GivenDatabase, OpensItsLogAgainOnHangup) {
  ASSERT_EQ(init_with({}).exit_code, 0);
  configure("# file:", "file: own.log");
  const fs::path log = directory_ / "own.log";
  const auto log_says = [&](const std::string& text) {
    return eventually([&] { return contents(log).find(text) != std::string::npos; });
  };
  Running server(directory_);
  ASSERT_TRUE(log_says("info: started")) << contents(log);
  fs::rename(log, directory_ / "own.log.1");
  server.signal(SIGHUP);
  EXPECT_TRUE(log_says("the configuration was read again")) << contents(log);
  const std::string before = contents(directory_ / "own.log.1");
  fs::rename(log, directory_ / "own.log.2");
  // Nothing can be made there, even by the owner.
  fs::create_directory(log);
  server.signal(SIGHUP);
  const auto old_says = [&] { return contents(directory_ / "own.log.2"); };
  EXPECT_TRUE(eventually([&] { return old_says().find("not opened again") != std::string::npos; }))
      << old_says();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_THAT(old_says(), HasSubstr("info: stopped"));
  EXPECT_EQ(contents(directory_ / "own.log.1"), before);
}

}  // namespace
}  // namespace metadb::tests
