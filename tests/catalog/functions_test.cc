// The functions in schema public: what they show, and to whom.
#include <gmock/gmock.h>

#include <thread>

#include "catalog/catalog.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

using catalog::Connection;
using catalog::Error;

// The system user is no superuser; ann is registered, ben is not. Roles belong to the whole server,
// so their names begin with the database's.
class Functions : public testing::Test {
 protected:
  Functions() {
    for (const char* name : {"system", "ann", "ben"}) {
      superuser_.exec("CREATE ROLE " + role(name) + " LOGIN");
    }
    superuser_.exec("ALTER DATABASE " + database_.name() + " OWNER TO " + role("system"));
    catalog::Catalog catalog({conninfo("system"), database_.conninfo()});
    catalog.open("metadb 0");
    superuser_.exec("INSERT INTO metadb.auth VALUES ('" + role("ann") + "')");
  }
  ~Functions() override {
    superuser_.exec("ALTER DATABASE " + database_.name() + " OWNER TO postgres");
    for (const char* name : {"system", "ann", "ben"}) {
      superuser_.exec("DROP OWNED BY " + role(name) + " CASCADE");
      superuser_.exec("DROP ROLE " + role(name));
    }
  }
  [[nodiscard]] std::string role(const std::string& name) const {
    return database_.name() + "_" + name;
  }
  [[nodiscard]] std::string conninfo(const std::string& name) const {
    return catalog::conninfo_with(database_.conninfo(), {{"user", role(name)}});
  }
  static std::string sqlstate_of(Connection& connection, const std::string& sql) {
    try {
      connection.exec(sql);
    } catch (const Error& error) {
      return error.sqlstate;
    }
    return "00000";
  }

  TestDatabase database_;
  Connection superuser_ = database_.connect();
};

TEST_F(Functions, MdbusersNamesThoseWhoAreRegistered) {
  Connection ann(conninfo("ann"));
  EXPECT_EQ(sqlstate_of(ann, "SELECT * FROM mdbusers()"), "42501");
  superuser_.exec("GRANT EXECUTE ON FUNCTION mdbusers() TO " + role("ann"));
  const auto users = ann.exec("SELECT * FROM mdbusers()");
  ASSERT_EQ(users.rows(), 1);
  ASSERT_EQ(users.columns(), 1);
  EXPECT_EQ(users.column_name(0), "username");
  EXPECT_EQ(users.text(0, 0), role("ann"));
  EXPECT_EQ(sqlstate_of(ann, "SELECT * FROM metadb.auth"), "42501");
}

TEST_F(Functions, PsShowsWhatRegisteredUsersRun) {
  Connection ann(conninfo("ann"));
  Connection ben(conninfo("ben"));
  superuser_.exec("GRANT EXECUTE ON FUNCTION ps() TO " + role("ben"));
  std::jthread first([&] { EXPECT_THROW(ann.exec("SELECT pg_sleep(600), 'hers'"), Error); });
  Connection other(conninfo("ben"));
  std::jthread second([&] { EXPECT_THROW(other.exec("SELECT pg_sleep(600), 'his'"), Error); });
  std::optional<catalog::Result> shown;
  const bool is_seen = eventually([&] {
    const int running = static_cast<int>(
        superuser_
            .exec("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' "
                  "AND datname = current_database() AND state = 'active' "
                  "AND pid <> pg_backend_pid()")
            .int64(0, 0));
    shown = ben.exec("SELECT * FROM ps()");
    return running == 2;
  });
  ann.cancel();
  other.cancel();
  ASSERT_TRUE(is_seen);
  ASSERT_EQ(shown->rows(), 1) << "ben is not registered";
  EXPECT_EQ(shown->column_name(0), "dbname");
  EXPECT_EQ(shown->text(0, 0), database_.name());
  EXPECT_EQ(shown->column_name(1), "username");
  EXPECT_EQ(shown->text(0, 1), role("ann"));
  EXPECT_EQ(shown->column_name(2), "state");
  EXPECT_EQ(shown->text(0, 2), "active");
  EXPECT_EQ(shown->column_name(3), "realtime");
  EXPECT_THAT(shown->text(0, 3), testing::MatchesRegex("00:00:[0-9][0-9]"));
  EXPECT_EQ(shown->column_name(4), "query");
  EXPECT_EQ(shown->text(0, 4), "SELECT pg_sleep(600), 'hers'");
}

TEST_F(Functions, PsHidesTextsThatMayHoldAPassword) {
  Connection ann(conninfo("ann"));
  catalog::Transaction open(ann);
  ann.exec("ALTER ROLE " + role("ann") + " PASSWORD 'hush'");
  const auto shown = superuser_.exec("SELECT state, query FROM ps()");
  ASSERT_EQ(shown.rows(), 1);
  EXPECT_EQ(shown.text(0, 0), "idle in transaction");
  EXPECT_EQ(shown.text(0, 1), "********");
}

TEST_F(Functions, PsIsForThoseWhoWereLetIn) {
  Connection ann(conninfo("ann"));
  EXPECT_EQ(sqlstate_of(ann, "SELECT * FROM ps()"), "42501");
}

}  // namespace
}  // namespace metadb::tests
