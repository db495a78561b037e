// The program itself, run as a user runs it, on a private PostgreSQL.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "catalog/postgres.h"
#include "server/child_process.h"
#include "server/embedded_postgres.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

namespace fs = std::filesystem;
using server::DataDirectory;
using server::EmbeddedPostgres;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// METADB_BINARY names a copy (tests/server/as_ordinary_user).
const char* program() {
  const char* given = std::getenv("METADB_BINARY");
  return given == nullptr ? METADB_BINARY_DIR "/metadb" : given;
}

std::string contents(const fs::path& file) {
  std::ifstream input(file);
  std::stringstream text;
  text << input.rdbuf();
  return text.str();
}

mode_t mode_of(const fs::path& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) throw std::runtime_error("no " + file.string());
  return status.st_mode & 0777;
}

// A `metadb start` whose log is read until it says what is waited for.
class Running {
 public:
  explicit Running(const fs::path& directory, std::vector<std::string> more = {}) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    std::vector<std::string> words{program(), "start", "-D", directory.string(), "-p", "0"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], 2);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    close(ends[1]);
    errors_ = fdopen(ends[0], "r");
  }
  ~Running() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      wait();
    }
    fclose(errors_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  // Reads the log up to a line with `text`; false if it ends first.
  bool says(const std::string& text) {
    std::array<char, 4096> line{};
    while (fgets(line.data(), line.size(), errors_) != nullptr) {
      log_ += line.data();
      if (std::string(line.data()).find(text) != std::string::npos) return true;
    }
    return false;
  }
  void signal(int number) const { kill(pid_, number); }
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& log() const { return log_; }

 private:
  pid_t pid_ = 0;
  FILE* errors_ = nullptr;
  std::string log_;
};

class Program : public testing::Test {
 protected:
  Program() {
    std::string name = "/tmp/metadb-process-XXXXXX";
    folder_ = mkdtemp(name.data());
    fs::permissions(folder_, fs::perms(0755));
    directory_ = folder_ / "d";
  }
  ~Program() override {
    // A server that a test left behind would go on in a folder that is gone.
    if (fs::exists(postmaster_pid_file())) {
      const server::Descriptor process = server::open_process(postmaster());
      if (process) {
        server::send_signal(process.get(), SIGQUIT);
        server::wait_for_end(process.get(), 60'000);
      }
    }
    fs::remove_all(folder_);
  }

  static server::ChildResult run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program());
    return server::run_child({.command = std::move(arguments)});
  }
  server::ChildResult init() const { return run({"init", "-D", directory_.string()}); }
  // A folder of programs that pass for PostgreSQL 99's and do what `script` says.
  [[nodiscard]] fs::path fake_postgres(const std::string& script) const {
    std::string name = (folder_ / "bin-XXXXXX").string();
    const fs::path binaries = mkdtemp(name.data());
    fs::permissions(binaries, fs::perms(0755));
    const std::string version =
        "[ \"$1\" = --version ] && echo 'postgres (PostgreSQL) 99.0' && exit\n";
    for (const char* program_name : {"postgres", "initdb"}) {
      std::ofstream(binaries / program_name) << "#!/bin/sh\n" << version << script << "\n";
      fs::permissions(binaries / program_name, fs::perms(0755));
    }
    std::ofstream(binaries / "pg_config") << "#!/bin/sh\necho '" << binaries.string() << "'\n";
    fs::permissions(binaries / "pg_config", fs::perms(0755));
    return binaries;
  }
  static server::ChildResult run_with(const fs::path& binaries,
                                      const std::vector<std::string>& arguments) {
    const std::string path = std::getenv("PATH");
    setenv("PATH", (binaries.string() + ":" + path).c_str(), 1);
    const server::ChildResult result = run(arguments);
    setenv("PATH", path.c_str(), 1);
    return result;
  }
  // A data directory as init leaves it, but without a cluster.
  void write_configuration(const std::string& yaml) const {
    fs::create_directories(directory_ / "postgres/data");
    std::ofstream(directory_ / "metadb.yaml") << yaml;
    // As init leaves it: the server goes on as this account.
    const server::Account owner = server::owner_account();
    for (const fs::path& path : {directory_, directory_ / "metadb.yaml", directory_ / "postgres",
                                 directory_ / "postgres/data"}) {
      ASSERT_EQ(chown(path.c_str(), owner.uid, owner.gid), 0) << path;
    }
  }
  // Replaces a word of metadb.yaml, which stays its owner's.
  void configure(const std::string& before, const std::string& after) const {
    std::string text = contents(directory_ / "metadb.yaml");
    const size_t at = text.find(before);
    ASSERT_NE(at, std::string::npos) << text;
    std::ofstream(directory_ / "metadb.yaml") << text.replace(at, before.size(), after);
  }
  void expect_private_files() const {
    const server::Account owner = server::owner_account();
    for (const char* name : {"metadb.yaml", "mdbadmin.password", "postgres.password"}) {
      EXPECT_EQ(mode_of(directory_ / name), 0600) << name;
      struct stat status {};
      ASSERT_EQ(stat((directory_ / name).c_str(), &status), 0);
      EXPECT_EQ(status.st_uid, owner.uid) << name;
    }
    EXPECT_EQ(mode_of(directory_), 0700);
    EXPECT_EQ(mode_of(directory_ / "postgres"), 0700);
  }
  [[nodiscard]] fs::path postmaster_pid_file() const {
    return directory_ / "postgres/data/postmaster.pid";
  }
  [[nodiscard]] pid_t postmaster() const { return std::stoi(contents(postmaster_pid_file())); }
  [[nodiscard]] std::string password(const std::string& role) const {
    std::string text = contents(directory_ / (role + ".password"));
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }
  // Into the private PostgreSQL, past metadb.
  [[nodiscard]] std::string conninfo(const std::string& user, const std::string& secret) const {
    return catalog::conninfo_with("", {{"host", (directory_ / "postgres").string()},
                                       {"port", "5432"},
                                       {"user", user},
                                       {"password", secret},
                                       {"passfile", "/dev/null/none"},
                                       {"dbname", "metadb"}});
  }

  fs::path folder_;
  fs::path directory_;
};

TEST_F(Program, InitStartStopRoundTrip) {
  const server::ChildResult made = init();
  ASSERT_EQ(made.exit_code, 0) << made.output;
  EXPECT_THAT(made.output, HasSubstr("psql -h localhost -p 8550 -U mdbadmin -d metadb\n"));
  EXPECT_THAT(made.output, HasSubstr((directory_ / "mdbadmin.password").string()));
  EXPECT_THAT(made.output, Not(HasSubstr(password("mdbadmin"))));
  EXPECT_FALSE(fs::exists(postmaster_pid_file())) << "init leaves PostgreSQL stopped";
  expect_private_files();
  EXPECT_EQ(run({"status", "-D", directory_.string()}).exit_code, 1);

  Running server(directory_);
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

TEST_F(Program, SocketDirectoryCountsFromTheDataDirectory) {
  ASSERT_EQ(init().exit_code, 0);
  configure("# unix_socket_directory:", "unix_socket_directory: socket");
  server::make_private_directory(directory_ / "socket", server::owner_account());
  Running server(directory_);
  ASSERT_TRUE(server.says("info: started")) << server.log();
  EXPECT_THAT(run({"status", "-D", directory_.string()}).output,
              HasSubstr("listening  " + (directory_ / "socket/.s.PGSQL.").string()));
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
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

TEST_F(Program, LogsWhereTheCommandLineOrTheConfigurationSays) {
  ASSERT_EQ(init().exit_code, 0);
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

}  // namespace
}  // namespace metadb::tests
