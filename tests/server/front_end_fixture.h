// A front end before the suite's PostgreSQL, and libpq clients of it.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/listener.h"
#include "tests/fakes/fake_runner.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {

using PgConnection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

inline PgConnection open(const std::string& conninfo) {
  return {PQconnectdb(conninfo.c_str()), &PQfinish};
}
inline PgResult result(PGresult* raw) {
  return {raw, &PQclear};
}
inline PgResult query(const PgConnection& connection, const std::string& sql) {
  return result(PQexec(connection.get(), sql.c_str()));
}
inline std::string value(const PgResult& from, int row = 0, int column = 0) {
  return PQgetvalue(from.get(), row, column);
}
inline std::string field(const PgResult& from, int code) {
  const char* text = PQresultErrorField(from.get(), code);
  return text == nullptr ? "" : text;
}
inline std::string sqlstate(const PgResult& from) {
  return field(from, PG_DIAG_SQLSTATE);
}

// Collects the notices of a connection, which must outlive it.
struct Notices {
  explicit Notices(const PgConnection& connection)
      : connection_(connection.get()),
        before_(PQsetNoticeReceiver(connection_, &Notices::take, this)) {}
  ~Notices() { PQsetNoticeReceiver(connection_, before_, nullptr); }
  Notices(const Notices&) = delete;
  Notices& operator=(const Notices&) = delete;
  static void take(void* self, const PGresult* notice) {
    const char* text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    static_cast<Notices*>(self)->texts.emplace_back(text == nullptr ? "" : text);
  }
  std::vector<std::string> texts;

 private:
  PGconn* connection_;
  PQnoticeReceiver before_;
};

// The options that reach the suite's PostgreSQL, with the test's database as the configured one.
inline server::FrontEndOptions front_end_options(const TestDatabase& database) {
  server::FrontEndOptions options;
  options.port = 0;
  options.upstream.hosts = {
      {*catalog::conninfo_value(server_conninfo(), "host"), server_port(), {}}};
  options.session.database = database.name();
  options.policy.accept_backend_trust = true;
  return options;
}

class FrontEndTest : public testing::Test {
 protected:
  FrontEndTest() : options(front_end_options(database)) {}

  // Call once; `options` may be changed before.
  void start() {
    front_end.emplace(options, runner, pool);
    front_end->start();
  }
  [[nodiscard]] std::string address() const {
    return "host=127.0.0.1 sslmode=disable gssencmode=disable port=" +
           std::to_string(front_end->port());
  }
  [[nodiscard]] std::string conninfo(const std::string& more = "user=postgres") const {
    return address() + " dbname=" + database.name() + " " + more;
  }
  // A connection that must work.
  [[nodiscard]] PgConnection connect(const std::string& more = "user=postgres") const {
    PgConnection connection = open(conninfo(more));
    EXPECT_EQ(PQstatus(connection.get()), CONNECTION_OK) << PQerrorMessage(connection.get());
    return connection;
  }

  TestDatabase database;
  FakeRunner runner;
  server::CommandPool pool;
  server::FrontEndOptions options;
  std::optional<server::FrontEnd> front_end;
};

}  // namespace metadb::tests
