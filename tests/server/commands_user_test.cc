// What psql does not show of users: tests/sql/users.sql has the rest.
#include <future>

#include "server/scram.h"
#include "tests/fakes/eventually.h"
#include "tests/server/commands_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Connection;
using catalog::Error;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kPassword = "Correct horse 'battery'";
constexpr std::string_view kLiteral = "'Correct horse ''battery'''";

class User : public CommandsTest {
 protected:
  ~User() override {
    for (const std::string& name : users_) {
      if (!exists(name)) continue;
      superuser_.exec("DROP OWNED BY " + role(name) + " CASCADE; DROP ROLE " + role(name));
    }
  }
  [[nodiscard]] bool exists(const std::string& name) {
    return superuser_.exec("SELECT FROM pg_roles WHERE rolname = $1", {role(name)}).rows() > 0;
  }
  // The command that creates the user, whose role goes with the test.
  std::string create(const std::string& name) {
    users_.push_back(name);
    return "create user " + role(name) + " with password " + std::string(kLiteral);
  }
  // As a client that PostgreSQL asks for the password.
  void log_in(const std::string& name, const std::string& password) {
    superuser_.exec("GRANT \"asks_scram-sha-256\" TO " + role(name));
    Connection(catalog::conninfo_with(database_.conninfo(),
                                      {{"user", role(name)}, {"password", password}}));
  }
  std::string stored(const std::string& name) {
    return only("SELECT rolpassword FROM pg_authid WHERE rolname = '" + role(name) + "'");
  }
  Connection connect_as(const std::string& name) {
    return Connection(catalog::conninfo_with(
        database_.conninfo(), {{"user", role(name)}, {"password", std::string(kPassword)}}));
  }

  std::vector<std::string> users_;
};

TEST_F(User, IsKeptAsAVerifierThatItsPasswordFits) {
  EXPECT_EQ(run(create("ann")).tag, "CREATE USER");
  const auto verifier = server::read_verifier(stored("ann"));
  ASSERT_TRUE(verifier);
  EXPECT_EQ(verifier->iterations, 4096);
  EXPECT_EQ(verifier->salt.size(), 16U);
  EXPECT_NO_THROW(log_in("ann", std::string(kPassword)));
  EXPECT_THROW(log_in("ann", "wrong"), Error);
  run(create("ben"));
  EXPECT_NE(server::read_verifier(stored("ben"))->salt, verifier->salt);
}

// A soft hyphen maps to nothing, a ligature to its letters; libpq prepares what it is given.
TEST_F(User, PasswordsOutsideAsciiArePrepared) {
  create("ann");
  run("create user " + role("ann") + " with password 'I\u00ADX \uFB01'");
  EXPECT_NO_THROW(log_in("ann", "IX fi"));
  EXPECT_NO_THROW(log_in("ann", "I\u00ADX \uFB01"));
}

TEST_F(User, PasswordThatIsAVerifierAlreadyIsTakenAsItIs) {
  run(create("ann"));
  create("ben");
  run("create user " + role("ben") + " with password '" + stored("ann") + "'");
  EXPECT_EQ(stored("ben"), stored("ann"));
  create("eve");
  run("create user " + role("eve") + " with password 'md5of a word'");
  EXPECT_THAT(stored("eve"), testing::StartsWith("SCRAM-SHA-256$"));
}

// The statement hangs while somebody else makes the same role, and can be looked at.
TEST_F(User, PasswordIsInNoStatementAndInNoLog) {
  superuser_.exec("ALTER DATABASE " + database_.name() + " SET log_statement = 'all'");
  // Where tests/fakes/postgres.sh has it.
  const std::string log_file = catalog::conninfo_value(server_conninfo(), "host").value() + "/log";
  const std::string sql = create("ann");
  Connection other = database_.connect();
  other.exec("BEGIN; CREATE ROLE " + role("ann"));
  auto created = std::async(std::launch::async, [&] { return run(sql).tag; });
  ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(superuser_); }));
  const auto statements = superuser_.exec(
      "SELECT string_agg(query, '; ') FROM pg_stat_activity WHERE datname = current_database()"
      " AND wait_event_type = 'Lock'");
  EXPECT_THAT(std::string(statements.text(0, 0)), HasSubstr("PASSWORD 'SCRAM-SHA-256$4096:"));
  EXPECT_THAT(std::string(statements.text(0, 0)), Not(HasSubstr("horse")));
  other.exec("ROLLBACK");
  EXPECT_EQ(created.get(), "CREATE USER");
  // And one that fails, whose statement PostgreSQL logs with the error.
  const Error error = failure(sql);
  EXPECT_EQ(error.sqlstate, "42710");
  EXPECT_THAT(described(error), Not(HasSubstr("horse")));
  const std::string log = only("SELECT pg_read_file('" + log_file + "')");
  EXPECT_THAT(log, HasSubstr("CREATE ROLE \"" + role("ann") + "\" LOGIN PASSWORD 'SCRAM-SHA-256$"));
  EXPECT_THAT(log, Not(HasSubstr("Correct horse")));
}

// The workspace is the last step.
TEST_F(User, WhoseLastStepFailsLeavesNothing) {
  superuser_.exec("CREATE SCHEMA " + role("ann"));
  const Error error = failure(create("ann"));
  EXPECT_EQ(error.sqlstate, "42P06");
  EXPECT_FALSE(exists("ann"));
  EXPECT_EQ(only("SELECT count(*) FROM metadb.auth"), "0");
  EXPECT_TRUE(catalog_->snapshot()->users.empty());
  EXPECT_FALSE(takes("drop user " + role("ann")));
}

TEST_F(User, IsOursToDropWhileRegistered) {
  EXPECT_TRUE(takes("create user u with password 'p'"));
  EXPECT_FALSE(takes("drop user " + role("ann")));
  run(create("ann"));
  EXPECT_TRUE(takes("drop user " + role("ann")));
  EXPECT_THAT(catalog_->snapshot()->users, ElementsAre(role("ann")));
  run("deregister user " + role("ann"));
  EXPECT_FALSE(takes("drop user " + role("ann")));
  run("register user " + role("ann"));
  EXPECT_TRUE(takes("drop user " + role("ann")));
  EXPECT_EQ(run("drop user " + role("ann")).tag, "DROP USER");
  EXPECT_FALSE(exists("ann"));
  EXPECT_TRUE(catalog_->snapshot()->users.empty());
}

// Somebody dropped it as a role: what metadb remembers is not the next one's.
TEST_F(User, ThatPostgresDroppedIsForgotten) {
  superuser_.exec("CREATE TABLE public.t ()");
  const auto drop_role = [&] {
    superuser_.exec("DROP OWNED BY " + role("ann") + "; DROP ROLE " + role("ann"));
  };
  run(create("ann"));
  run("grant access on table public.t to " + role("ann"));
  drop_role();
  run(create("ann"));
  EXPECT_EQ(only("SELECT count(*) FROM metadb.acl"), "0");
  drop_role();
  EXPECT_EQ(run("drop user " + role("ann")).tag, "DROP USER");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_THAT(notices_[0].message, HasSubstr("does not exist, its registration is removed"));
  EXPECT_EQ(only("SELECT count(*) FROM metadb.auth"), "0");
}

TEST_F(User, WithObjectsInAnotherDatabaseStays) {
  TestDatabase other;
  run(create("ann"));
  connect_as("ann").exec("CREATE TABLE " + role("ann") + ".t ()");
  superuser_.exec("CREATE TABLE public.p ()");
  run("grant access on table public.p to " + role("ann"));
  other.connect().exec("CREATE SCHEMA s AUTHORIZATION " + role("ann"));
  const Error error = failure("drop user " + role("ann"));
  EXPECT_EQ(error.sqlstate, "2BP01");
  EXPECT_THAT(error.message(), HasSubstr("cannot be dropped because some objects depend on it"));
  EXPECT_EQ(error.detail, "1 object in database " + other.name());
  EXPECT_THAT(notices_, testing::IsEmpty());
  EXPECT_NO_THROW(connect_as("ann").exec("INSERT INTO " + role("ann") + ".t SELECT FROM public.p"));
  EXPECT_THAT(catalog_->snapshot()->users, ElementsAre(role("ann")));
  EXPECT_EQ(only("SELECT count(*) FROM metadb.acl"), "1");
  other.connect().exec("DROP SCHEMA s");
  EXPECT_EQ(run("drop user " + role("ann")).tag, "DROP USER");
}

TEST_F(User, WhoOwnsADatabaseStays) {
  TestDatabase other;
  run(create("ann"));
  superuser_.exec("ALTER DATABASE " + other.name() + " OWNER TO " + role("ann"));
  const Error error = failure("drop user " + role("ann"));
  EXPECT_EQ(error.sqlstate, "2BP01");
  EXPECT_EQ(error.detail, "owner of database " + other.name());
  superuser_.exec("ALTER DATABASE " + other.name() + " OWNER TO postgres");
  EXPECT_EQ(run("drop user " + role("ann")).tag, "DROP USER");
}

// What it owned stays usable for those who have access to it.
TEST_F(User, ThatIsDroppedTakesNobodysAccessAlong) {
  run(create("ann"));
  run(create("ben"));
  Connection ann = connect_as("ann");
  ann.exec("CREATE TABLE " + role("ann") + ".t AS SELECT 1 AS one");
  ann.exec("GRANT USAGE ON SCHEMA " + role("ann") + " TO " + role("ben"));
  run("grant access on table " + role("ann") + ".t to " + role("ben"));
  run("drop user " + role("ann"));
  EXPECT_EQ(connect_as("ben").exec("SELECT one FROM " + role("ann") + ".t").int64(0, 0), 1);
  EXPECT_EQ(only("SELECT tableowner FROM pg_tables WHERE tablename = 't'"), "metadb_estate");
}

TEST_F(User, IsNotDroppedWhileSomebodyKeepsItsTableLocked) {
  run(create("ann"));
  connect_as("ann").exec("CREATE TABLE " + role("ann") + ".t ()");
  {
    Connection blocker = database_.connect();
    const catalog::Transaction transaction(blocker);
    blocker.exec("LOCK TABLE " + role("ann") + ".t");
    EXPECT_EQ(failure("drop user " + role("ann")).sqlstate, "55P03");
  }
  EXPECT_TRUE(exists("ann"));
  EXPECT_TRUE(catalog_->snapshot()->users.contains(role("ann")));
  run("drop user " + role("ann"));
}

TEST_F(User, RolesWithMorePowerAreForSuperusers) {
  create_role("member");
  create_role("root", "SUPERUSER LOGIN");
  create_role("replica", "REPLICATION LOGIN");
  create_role("operator", "LOGIN");
  superuser_.exec("GRANT " + role("root") + " TO " + role("operator"));
  superuser_.exec("GRANT metadb_admin TO " + role("member"));
  for (const std::string name : {"root", "replica", "operator"}) {
    for (const std::string verb : {"register user ", "drop user ", "deregister user "}) {
      for (const std::string& who : {role("member"), role("system")}) {
        EXPECT_EQ(failure_as(who, verb + role(name)).sqlstate, "42501") << who << " " << verb;
      }
    }
    run("register user " + role(name));
    EXPECT_EQ(failure_as(role("member"), "drop user " + role(name)).sqlstate, "42501");
    EXPECT_TRUE(exists(name));
  }
  for (const std::string& name : {role("system"), std::string("metadb_admin")}) {
    EXPECT_EQ(failure("register user " + name).sqlstate, "42501");
    EXPECT_EQ(failure("drop user " + name).sqlstate, "42501");
  }
  run("deregister user " + role("root"));
  run("deregister user " + role("replica"));
  run("drop user " + role("operator"));
  roles_.pop_back();
}

TEST_F(User, IsManagedByMembersOfMetadbAdmin) {
  create_role("member");
  superuser_.exec("GRANT metadb_admin TO " + role("member"));
  EXPECT_EQ(run_as(role("member"), create("ann")).tag, "CREATE USER");
  EXPECT_EQ(run_as(role("member"), "grant access on all to " + role("ann")).tag, "GRANT");
  EXPECT_EQ(run_as(role("member"), "drop user " + role("ann")).tag, "DROP USER");
}

TEST_F(User, CreatedAtTheSameMomentTwiceIsCreatedOnce) {
  const std::string sql = create("ann");
  const auto attempt = [&] {
    server::Context context({.user = "postgres", .database = database_.name()}, stop_.get_token(),
                            [](const server::Notice&) {});
    try {
      return commands_->run(command(sql), context).tag;
    } catch (const Error& error) {
      return error.sqlstate;
    }
  };
  auto one = std::async(std::launch::async, attempt);
  auto two = std::async(std::launch::async, attempt);
  EXPECT_THAT((std::vector{one.get(), two.get()}),
              testing::UnorderedElementsAre("CREATE USER", "42710"));
  EXPECT_THAT(catalog_->snapshot()->users, ElementsAre(role("ann")));
}

// PostgreSQL refuses to take back what others have through it.
TEST_F(User, WhoPassedAccessOnLosesItWithAllThatCameOfIt) {
  run(create("ann"));
  run(create("ben"));
  run(create("eve"));
  superuser_.exec("CREATE TABLE public.t AS SELECT 1 AS one");
  const auto pass_on = [&] {
    run("grant access on table public.t to " + role("ann"));
    superuser_.exec("GRANT SELECT ON public.t TO " + role("ann") + " WITH GRANT OPTION");
    connect_as("ann").exec("GRANT SELECT ON public.t TO " + role("ben") + ", " + role("eve"));
  };
  const auto readers = [&] {
    return only(
        "SELECT string_agg(right(grantee, 3), ' ' ORDER BY grantee) FROM "
        "information_schema.role_table_grants WHERE table_name = 't' AND grantee <> 'postgres' "
        "AND privilege_type = 'SELECT'");
  };
  pass_on();
  // What ben has from ann serves until it goes.
  run("grant access on table public.t to " + role("ben"));
  run("revoke access on table public.t from " + role("ann"));
  EXPECT_EQ(readers(), "ben");
  pass_on();
  run("deregister user " + role("ann"));
  EXPECT_EQ(readers(), "ben");
  run("register user " + role("ann"));
  pass_on();
  EXPECT_EQ(run("drop user " + role("ann")).tag, "DROP USER");
  EXPECT_EQ(readers(), "ben");
  EXPECT_EQ(connect_as("ben").exec("SELECT one FROM public.t").int64(0, 0), 1);
}

TEST_F(User, IsDroppedThoughSomebodyElseThanTheOwnerGrantedToIt) {
  run(create("ann"));
  run(create("ben"));
  run(create("eve"));
  superuser_.exec("CREATE TABLE public.t (); GRANT SELECT ON public.t TO " + role("ben") +
                  " WITH GRANT OPTION");
  connect_as("ben").exec("GRANT SELECT ON public.t TO " + role("ann") + " WITH GRANT OPTION");
  connect_as("ann").exec("GRANT SELECT ON public.t TO " + role("eve"));
  EXPECT_EQ(run("drop user " + role("ann")).tag, "DROP USER");
  EXPECT_EQ(only("SELECT has_table_privilege('" + role("eve") + "', 'public.t', 'SELECT')"), "f");
  EXPECT_EQ(only("SELECT has_table_privilege('" + role("ben") + "', 'public.t', 'SELECT')"), "t");
}

// The notice about the schema comes when all is committed.
TEST_F(User, IsKnownThoughItsClientCancelsTooLate) {
  superuser_.exec("CREATE SCHEMA " + role("ann") + " AUTHORIZATION " + role("system"));
  server::Context context({.user = "postgres", .database = database_.name()}, stop_.get_token(),
                          [this](const server::Notice&) { stop_.request_stop(); });
  EXPECT_EQ(commands_->run(command(create("ann")), context).tag, "CREATE USER");
  EXPECT_TRUE(stop_.stop_requested());
  EXPECT_THAT(catalog_->snapshot()->users, ElementsAre(role("ann")));
}

TEST_F(User, GetsNoSchemaOfExternalSql) {
  run("create external sql r from 'https://host/a.git' ref 'v1' path '' schema '" + role("ann") +
      "'");
  for (const char* round : {"not made yet", "made"}) {
    const Error error = failure(create("ann"));
    EXPECT_EQ(error.sqlstate, "42P06") << round;
    EXPECT_EQ(error.message(), "schema \"" + role("ann") + "\" is that of external SQL \"r\"");
    EXPECT_FALSE(exists("ann"));
    if (round[0] == 'n')
      superuser_.exec("CREATE SCHEMA " + role("ann") + " AUTHORIZATION " + role("system"));
  }
  run("drop external sql r");
  EXPECT_EQ(run(create("ann")).tag, "CREATE USER");
  // Those of the parameters have names of their own.
  run("alter system set external_sql_folio = 'refs/tags/v1.8.0'");
  EXPECT_EQ(failure("create user folio_derived with password 'p'").sqlstate, "42P06");
}

// A cancel request ends the wait for the lock.
TEST_F(User, CommandsCanBeCancelled) {
  Connection other = database_.connect();
  other.exec("BEGIN; SELECT pg_advisory_xact_lock(1835361384, 21)");
  auto created = std::async(std::launch::async, [&] { return failure(create("ann")).sqlstate; });
  ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(superuser_); }));
  stop_.request_stop();
  EXPECT_EQ(created.get(), "57014");
  EXPECT_FALSE(exists("ann"));
}

// Where the system user manages roles as well, and is no superuser.
class UserWithoutSuperuser : public User {
 protected:
  UserWithoutSuperuser() {
    superuser_.exec("DROP EVENT TRIGGER metadb_restore_access");
    alone_ = std::make_unique<catalog::Catalog>(
        catalog::CatalogOptions{system_conninfo(), system_conninfo()});
    alone_->open("metadb 0");
    commands_ = std::make_unique<server::Commands>(server::CommandParts{
        *alone_, *workers_,
        [](const catalog::DataSource&, const catalog::Snapshot&,
           const std::stop_token&) -> std::optional<std::string> { return std::nullopt; }});
  }
  ~UserWithoutSuperuser() override { commands_.reset(); }

  std::unique_ptr<catalog::Catalog> alone_;
};

TEST_F(UserWithoutSuperuser, IsCreatedGrantedAndDropped) {
  EXPECT_EQ(run(create("ann")).tag, "CREATE USER");
  EXPECT_NO_THROW(log_in("ann", std::string(kPassword)));
  Connection system(system_conninfo());
  system.exec("CREATE TABLE public.t AS SELECT 1 AS one");
  EXPECT_EQ(run("grant access on table public.t to " + role("ann")).tag, "GRANT");
  EXPECT_EQ(run("grant access on all to " + role("ann")).tag, "GRANT");
  EXPECT_EQ(connect_as("ann").exec("SELECT one FROM public.t").int64(0, 0), 1);
  connect_as("ann").exec("CREATE TABLE " + role("ann") + ".mine ()");
  EXPECT_EQ(run("drop user " + role("ann")).tag, "DROP USER");
  EXPECT_FALSE(exists("ann"));
  EXPECT_EQ(only("SELECT tableowner FROM pg_tables WHERE tablename = 'mine'"), "metadb_estate");
}

TEST_F(UserWithoutSuperuser, RightsThatAreMissingAreNamed) {
  superuser_.exec("ALTER ROLE " + role("system") + " NOCREATEROLE");
  const Error error = failure(create("ann"));
  EXPECT_EQ(error.sqlstate, "42501");
  EXPECT_EQ(error.message(), "permission denied to create role");
  superuser_.exec("ALTER ROLE " + role("system") + " CREATEROLE");
}

}  // namespace
}  // namespace metadb::tests
