// The program itself, run as a user runs it, on a private PostgreSQL.
#include <gmock/gmock.h>

#include <map>
#include <regex>

#include "tests/fakes/eventually.h"
#include "tests/server/program.h"
#include "tests/server/test_certificate.h"

namespace metadb::tests {
namespace {

using server::DataDirectory;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

TEST_F(Program, InitStartStopRoundTrip) {
  const server::ChildResult made = init();
  ASSERT_EQ(made.exit_code, 0) << made.output;
  EXPECT_THAT(made.output, HasSubstr("psql -h localhost -p 8550 -U mdbadmin -d metadb\n"));
  EXPECT_THAT(made.output, HasSubstr((directory_ / "mdbadmin.password").string()));
  EXPECT_THAT(made.output, Not(HasSubstr(password("mdbadmin"))));
  EXPECT_FALSE(fs::exists(postmaster_pid_file())) << "init leaves PostgreSQL stopped";
  expect_private_files();
  EXPECT_EQ(run({"status", "-D", directory_.string()}).exit_code, 1);

  Running server(directory_, {"--memlimit", "2", "--debug"});
  ASSERT_TRUE(server.says("info: started")) << server.log();
  const server::ChildResult status = run({"status", "-D", directory_.string()});
  EXPECT_EQ(status.exit_code, 0);
  EXPECT_THAT(status.output, HasSubstr("process    " + std::to_string(server.pid()) + "\n"));

  const server::ChildResult second = run({"start", "-D", directory_.string()});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.output, HasSubstr("as process " + std::to_string(server.pid()) + "\n"));

  const server::ChildResult stopped = run({"stop", "-D", directory_.string()});
  EXPECT_EQ(stopped.exit_code, 0) << stopped.output;
  EXPECT_EQ(server.wait(), 0);
  EXPECT_FALSE(fs::exists(postmaster_pid_file()));
  EXPECT_FALSE(fs::exists(directory_ / "metadb.pid"));
  EXPECT_EQ(run({"stop", "-D", directory_.string()}).exit_code, 1);
}

TEST_F(Program, PrivatePostgresIsLaidOutForMetadb) {
  ASSERT_EQ(init().exit_code, 0);
  Running server(directory_);
  ASSERT_TRUE(server.says("info: started")) << server.log();

  catalog::Connection system(conninfo("mdbadmin", password("mdbadmin")));
  const auto row = system.exec(
      "SELECT rolcreaterole, rolsuper, pg_catalog.pg_get_userbyid(datdba), "
      "current_setting('max_locks_per_transaction'), current_setting('listen_addresses') "
      "FROM pg_catalog.pg_roles, pg_catalog.pg_database "
      "WHERE rolname = current_user AND datname = current_database()");
  EXPECT_TRUE(row.boolean(0, 0));
  EXPECT_FALSE(row.boolean(0, 1));
  EXPECT_EQ(row.text(0, 2), "mdbadmin");
  EXPECT_EQ(row.text(0, 3), "1024");
  EXPECT_EQ(row.text(0, 4), "");
  EXPECT_THROW(catalog::Connection(conninfo("mdbadmin", "wrong")), catalog::Error);
  EXPECT_THROW(catalog::Connection(conninfo("mdbadmin", "")), catalog::Error);
  EXPECT_THROW(catalog::Connection(conninfo("postgres", "")), catalog::Error);
  catalog::Connection superuser(conninfo("postgres", password("postgres")));
  EXPECT_EQ(superuser.exec("SHOW is_superuser").text(0, 0), "on");
  // No password is in what ps shows of any process, nor in a log.
  for (const std::string& secret : {password("mdbadmin"), password("postgres")}) {
    ASSERT_GE(secret.size(), 32U);
    for (const auto& entry : fs::directory_iterator("/proc")) {
      EXPECT_THAT(contents(entry.path() / "cmdline"), Not(HasSubstr(secret)));
    }
    EXPECT_THAT(contents(directory_ / "postgres/log"), Not(HasSubstr(secret)));
    EXPECT_THAT(server.log(), Not(HasSubstr(secret)));
  }
}

TEST_F(Program, StartsAfterKillAndStopsTheSurvivor) {
  ASSERT_EQ(init().exit_code, 0);
  pid_t survivor = 0;
  {
    Running server(directory_);
    ASSERT_TRUE(server.says("info: started")) << server.log();
    survivor = postmaster();
    server.signal(SIGKILL);
    EXPECT_EQ(server.wait(), 128 + SIGKILL);
  }
  ASSERT_EQ(kill(survivor, 0), 0) << "the postmaster outlives metadb";
  EXPECT_EQ(run({"status", "-D", directory_.string()}).exit_code, 1);
  Running server(directory_);
  ASSERT_TRUE(server.says("info: started")) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("(process " + std::to_string(survivor) + ")"));
  EXPECT_NE(postmaster(), survivor);
  EXPECT_NO_THROW(catalog::Connection(conninfo("mdbadmin", password("mdbadmin"))));
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST_F(Program, StartsAPrivatePostgresThatEndedByItself) {
  ASSERT_EQ(init().exit_code, 0);
  Running server(directory_);
  ASSERT_TRUE(server.says("info: started")) << server.log();
  const pid_t first = postmaster();
  kill(first, SIGQUIT);
  ASSERT_TRUE(server.says("private PostgreSQL runs again")) << server.log();
  EXPECT_NE(postmaster(), first);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST_F(Program, StartsAPrivatePostgresUntilItComesUp) {
  ASSERT_EQ(init().exit_code, 0);
  Running server(directory_);
  ASSERT_TRUE(server.says("info: started")) << server.log();
  const fs::path settings = directory_ / "postgres/data/postgresql.conf";
  const std::string good = contents(settings);
  std::ofstream(settings, std::ios::app) << "no_such_setting = 1\n";
  kill(postmaster(), SIGQUIT);
  ASSERT_TRUE(server.says("did not start: ")) << server.log();
  ASSERT_TRUE(server.says("did not start: ")) << server.log();
  EXPECT_EQ(run({"status", "-D", directory_.string()}).exit_code, 0);
  std::ofstream(settings) << good;
  ASSERT_TRUE(server.says("private PostgreSQL runs again")) << server.log();
  std::ofstream(settings, std::ios::app) << "no_such_setting = 1\n";
  kill(postmaster(), SIGQUIT);
  ASSERT_TRUE(server.says("did not start: ")) << server.log();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST_F(Program, SaysWhatPostgresSaidInThisRunOnly) {
  write_configuration("");
  const fs::path binaries = fake_postgres("exit 1");
  std::ofstream(directory_ / "postgres/data/PG_VERSION") << "99\n";
  std::ofstream(directory_ / "postgres/log") << "FATAL:  long ago\n";
  const server::Account owner = server::owner_account();
  ASSERT_EQ(chown((directory_ / "postgres/log").c_str(), owner.uid, owner.gid), 0);
  EXPECT_THAT(run_with(binaries, {"start", "-D", directory_.string()}).output,
              HasSubstr("did not start: it did not say why (see "));
  const fs::path others = fake_postgres("echo 'FATAL:  just now' >&2; exit 1");
  EXPECT_THAT(run_with(others, {"start", "-D", directory_.string()}).output,
              HasSubstr("did not start: FATAL:  just now (see "));
}

TEST_F(Program, TellsWhyInitdbFailedInOneLine) {
  const fs::path binaries = fake_postgres(
      "echo 'creating files ... '; echo 'initdb: error: no room' >&2; echo 'removing' >&2; exit 1");
  const auto failed = run_with(binaries, {"init", "-D", directory_.string()});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.output,
              testing::StartsWith("metadb: initdb failed: no room\nDetail: creating"));
  EXPECT_FALSE(fs::exists(directory_));
}

TEST_F(Program, ReadsItsConfigurationAgainOnHangup) {
  ASSERT_EQ(init().exit_code, 0);
  Running server(directory_);
  ASSERT_TRUE(server.says("info: started")) << server.log();
  std::ofstream(directory_ / "metadb.yaml") << "tls: {certificate: missing.pem}\n";
  server.signal(SIGHUP);
  ASSERT_TRUE(server.says("was not read again")) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("missing.pem: No such file or directory"));
  std::ofstream(directory_ / "metadb.yaml") << "io_threads: 3\nlog: {level: debug}\n";
  server.signal(SIGHUP);
  ASSERT_TRUE(server.says("was read again")) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("io_threads has changed in metadb.yaml"));
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

// Certificates are renewed while clients are connected.
TEST_F(Program, TakesANewCertificateOnHangup) {
  ASSERT_EQ(init().exit_code, 0);
  const TestFolder certificates;
  fs::permissions(fs::path(certificates.file("")), fs::perms(0755));
  const server::Account owner = server::owner_account();
  for (const char* name : {"first", "second"}) {
    make_certificate(certificates, name, "localhost");
    const std::string key = certificates.file(std::string(name) + ".key");
    ASSERT_EQ(chown(key.c_str(), owner.uid, owner.gid), 0);
  }
  const auto configure_with = [&](const std::string& name, const std::string& more) {
    std::ofstream(directory_ / "metadb.yaml")
        << "tls: {certificate: " << certificates.file(name + ".crt")
        << ", key: " << certificates.file(name + ".key") << "}\n"
        << more;
  };
  configure_with("first", "");
  Running server(directory_);
  ASSERT_TRUE(server.says("info: started")) << server.log();
  const std::string status = run({"status", "-D", directory_.string()}).output;
  static const std::regex kPort(R"(127\.0\.0\.1:(\d+))");
  std::smatch port;
  ASSERT_TRUE(std::regex_search(status, port, kPort)) << status;
  const auto enter = [&](const std::string& name) {
    return catalog::Connection(
        catalog::conninfo_with(conninfo("mdbadmin", password("mdbadmin")),
                               {{"host", "localhost"},
                                {"hostaddr", "127.0.0.1"},
                                {"port", port[1]},
                                {"sslmode", "verify-full"},
                                {"sslrootcert", certificates.file(name + ".crt")}}));
  };
  const auto refusal = [&](const std::string& name) -> std::string {
    try {
      enter(name);
    } catch (const catalog::Error& error) {
      return error.message();
    }
    return "";
  };
  std::optional<catalog::Connection> before(enter("first"));
  EXPECT_EQ(before->exec("SELECT 7").int64(0, 0), 7);
  configure_with("second",
                 "max_connections: 1\nsuperuser_reserved_connections: 0\n"
                 "log: {connections: true}\n");
  server.signal(SIGHUP);
  ASSERT_TRUE(server.says("was read again")) << server.log();
  EXPECT_EQ(before->exec("SELECT 8").int64(0, 0), 8);
  EXPECT_THAT(refusal("first"), HasSubstr("certificate verify failed"));
  EXPECT_THAT(refusal("second"), HasSubstr("too many clients"));
  before.reset();
  EXPECT_TRUE(eventually([&] { return refusal("second").empty(); }));
  EXPECT_TRUE(server.says("to database \"metadb\" ended after"));
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST_F(Program, RefusesADirectoryThatIsNotEmpty) {
  fs::create_directory(directory_);
  std::ofstream(directory_ / "mine") << "x";
  const server::ChildResult result = init();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output, HasSubstr("exists and is not an empty directory"));
  EXPECT_EQ(contents(directory_ / "mine"), "x");
}

TEST_F(Program, NamesTheParentThatTheOwnerCannotSearch) {
  if (geteuid() != 0) GTEST_SKIP() << "only root makes directories for another user";
  fs::create_directory(folder_ / "closed");
  fs::permissions(folder_ / "closed", fs::perms(0700));
  const auto result = run({"init", "-D", (folder_ / "closed/d").string()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output,
              HasSubstr((folder_ / "closed").string() + " cannot be searched by user "
                                                        "postgres"));
  EXPECT_THAT(result.output, HasSubstr("-D /var/lib/metadb"));
  EXPECT_FALSE(fs::exists(folder_ / "closed/d"));
}

TEST_F(Program, RefusesAClusterOfAnotherMajorVersion) {
  write_configuration("");
  std::ofstream(directory_ / "postgres/data/PG_VERSION") << "9\n";
  const auto result = run({"start", "-D", directory_.string()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output,
              ContainsRegex("was made by PostgreSQL 9, but only PostgreSQL [0-9]+ is "
                            "installed"));
}

TEST_F(Program, NeverMakesAClusterInPlaceOfAForgottenDatabase) {
  write_configuration("");
  const auto result = run({"start", "-D", directory_.string()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output, HasSubstr("names no database"));
  EXPECT_FALSE(fs::exists(directory_ / "postgres/data/PG_VERSION"));
}

TEST_F(Program, LongPathsGetAShortSocketDirectory) {
  directory_ = folder_ / std::string(100, 'x');
  ASSERT_EQ(init().exit_code, 0);
  Running server(directory_);
  ASSERT_TRUE(server.says("info: started")) << server.log();
  std::istringstream lines(contents(postmaster_pid_file()));
  std::string socket_directory;
  for (int line = 0; line < 5; ++line) std::getline(lines, socket_directory);
  EXPECT_LT(socket_directory.size(), 90U);
  EXPECT_EQ(mode_of(socket_directory), 0700);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  fs::remove_all(socket_directory);
}

TEST_F(Program, ErrorsInTheConfigurationEndStartWithOneLine) {
  write_configuration("port: 8550\nprot: 1\n");
  const auto result = run({"start", "-D", directory_.string()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.output,
            "metadb: " + (directory_ / "metadb.yaml").string() + ":2: prot: unknown setting\n");
}

TEST_F(Program, LogsWhatEndsItWhateverItIs) {
  write_configuration("");
  fs::permissions(directory_ / "postgres", fs::perms::none);
  const fs::path log = folder_ / "told.log";
  const auto failed = run({"start", "-D", directory_.string(), "-l", log.string()});
  fs::permissions(directory_ / "postgres", fs::perms::owner_all);
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.output, HasSubstr("Permission denied"));
  EXPECT_THAT(contents(log), ContainsRegex("critical: .*Permission denied"));
}

// The owner of the data directory writes metadb.yaml: root opens nothing that it names.
TEST_F(Program, ReadsItsConfigurationAsTheOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "an ordinary user has no rights to give up";
  const fs::path closed = folder_ / "closed";
  fs::create_directory(closed);
  fs::permissions(closed, fs::perms(0700));
  std::ofstream(closed / "secret") << "of root\n";
  write_configuration("log: {file: " + (closed / "own.log").string() + "}\n");
  auto refused = run({"start", "-D", directory_.string()});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, HasSubstr((closed / "own.log").string()));
  EXPECT_FALSE(fs::exists(closed / "own.log"));
  write_configuration("database: {system_password_file: " + (closed / "secret").string() + "}\n");
  refused = run({"start", "-D", directory_.string()});
  EXPECT_THAT(refused.output, HasSubstr("cannot read " + (closed / "secret").string()));
  // What root itself names is another matter; errors go there, too.
  const fs::path told = closed / "told.log";
  refused = run({"start", "-D", directory_.string(), "-l", told.string()});
  EXPECT_THAT(contents(told), HasSubstr("critical: "));
  EXPECT_THAT(contents(told), HasSubstr("cannot read " + (closed / "secret").string()));
}

// What metadb.pid says is the owner's word.
TEST_F(Program, StopAsRootSignalsNoProcessButTheOwners) {
  if (geteuid() != 0) GTEST_SKIP() << "an ordinary user can't signal others' processes anyway";
  write_configuration("");
  const auto directory = DataDirectory::open(directory_);
  const pid_t victim = fork();
  if (victim == 0) {
    pause();
    _exit(0);
  }
  {
    const server::ServerLock lock(directory);
    lock.announce({.pid = victim, .addresses = {}, .database = ""});
    const server::Account owner = server::owner_account();
    for (const fs::path& file : {directory.lock(), directory.pid_file()}) {
      ASSERT_EQ(chown(file.c_str(), owner.uid, owner.gid), 0);
    }
    const auto refused = run({"stop", "-D", directory_.string()});
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.output, HasSubstr("Operation not permitted"));
  }
  kill(victim, SIGKILL);
  int status = 0;
  waitpid(victim, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_F(Program, ListensWhereItIsTold) {
  ASSERT_EQ(init().exit_code, 0);
  Running server(directory_, {"--listen", "127.0.0.2", "--listen", "127.0.0.3"});
  ASSERT_TRUE(server.says("info: started")) << server.log();
  const std::string status = run({"status", "-D", directory_.string()}).output;
  static const std::regex kAddress(R"((127\.0\.0\.\d):(\d+))");
  std::map<std::string, std::string> ports;
  for (std::sregex_iterator match(status.begin(), status.end(), kAddress), end; match != end;
       ++match)
    ports[(*match)[1]] = (*match)[2];
  ASSERT_EQ(ports.size(), 2U) << status;
  const auto enter = [&](const std::string& host) {
    return catalog::Connection(catalog::conninfo_with(
        conninfo("mdbadmin", password("mdbadmin")),
        {{"host", host}, {"port", ports.begin()->second}, {"sslmode", "disable"}}));
  };
  for (const auto& [host, port] : ports) {
    EXPECT_EQ(port, ports.begin()->second);
    EXPECT_EQ(enter(host).exec("SELECT 7").int64(0, 0), 7);
  }
  EXPECT_THROW(enter("127.0.0.1"), catalog::Error);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST_F(Program, WrongUsageIsExitCodeTwo) {
  EXPECT_EQ(run({"start"}).exit_code, 2);
  EXPECT_EQ(run({"nonsense"}).exit_code, 2);
  EXPECT_EQ(run({}).exit_code, 2);
  EXPECT_EQ(run({"start", "-D", "x", "-p", "many"}).exit_code, 2);
  EXPECT_EQ(run({"help", "nonsense"}).exit_code, 2);
  EXPECT_EQ(run({"--help"}).exit_code, 0);
  EXPECT_EQ(run({"start", "--help"}).exit_code, 0);
  EXPECT_THAT(run({"version"}).output, HasSubstr("metadb " METADB_VERSION "\n"));
  EXPECT_THAT(run({"help", "start"}).output, HasSubstr("--memlimit"));
  const auto absent = run({"start", "-D", directory_.string()});
  EXPECT_EQ(absent.exit_code, 1);
  EXPECT_THAT(absent.output, HasSubstr("metadb init -D " + directory_.string()));
}

}  // namespace
}  // namespace metadb::tests
