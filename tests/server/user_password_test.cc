// `create user` from a client's message to the login of the new user, and where the password is
// not.
#include <gmock/gmock.h>

#include <regex>

#include "tests/server/program.h"

namespace metadb::tests {
namespace {

using catalog::Connection;
using testing::HasSubstr;
using testing::Not;

class UserPassword : public Program {
 protected:
  // A client of metadb's front end.
  [[nodiscard]] Connection client(const std::string& user, const std::string& secret) const {
    static const std::regex kPort(R"(127\.0\.0\.1:(\d+))");
    const std::string status = run({"status", "-D", directory_.string()}).output;
    std::smatch match;
    if (!std::regex_search(status, match, kPort)) throw std::runtime_error(status);
    return Connection(catalog::conninfo_with(conninfo(user, secret),
                                             {{"host", "127.0.0.1"}, {"port", match[1]}}));
  }
};

TEST_F(UserPassword, GetsIntoNoLogByEitherProtocol) {
  ASSERT_EQ(init().exit_code, 0);
  Running server(directory_);
  ASSERT_TRUE(server.says("info: started")) << server.log();
  Connection superuser(conninfo("postgres", password("postgres")));
  superuser.exec("ALTER SYSTEM SET log_statement = 'all'");
  superuser.exec("SELECT pg_reload_conf()");
  Connection admin = client("mdbadmin", password("mdbadmin"));
  EXPECT_EQ(admin.exec("create user ann with password 'hush hush'").command_tag(), "CREATE USER");
  EXPECT_EQ(admin.exec("create user ben with comment 'c', password 'hush hush'", {}).command_tag(),
            "CREATE USER");
  for (const char* wrong :
       {"create user ann with password 'hush hush'",
        "begin; create user x with password 'hush hush'",
        "create user x with password 'hush hush'; create user x with password 'hush hush'",
        "create user x with password 'hush hush'; select 1"}) {
    EXPECT_THROW(admin.exec(wrong), catalog::Error) << wrong;
    EXPECT_THROW(admin.exec(wrong, {}), catalog::Error) << wrong;
  }
  for (const char* user : {"ann", "ben"}) {
    EXPECT_EQ(client(user, "hush hush").exec("SELECT current_user").text(0, 0), user);
  }
  admin.exec("drop user ben", {});
  EXPECT_THROW(client("ben", "hush hush"), catalog::Error);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_FALSE(server.says("until its end"));
  EXPECT_THAT(server.log(), HasSubstr("user ann created by mdbadmin"));
  EXPECT_THAT(server.log(), Not(HasSubstr("hush hush")));
  const std::string log = contents(directory_ / "postgres/log");
  EXPECT_THAT(log, HasSubstr("CREATE ROLE \"ann\" LOGIN PASSWORD 'SCRAM-SHA-256$"));
  EXPECT_THAT(log, Not(HasSubstr("hush hush")));
}

}  // namespace
}  // namespace metadb::tests
