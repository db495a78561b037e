// A fresh database on the suite's private PostgreSQL (tests/fakes/postgres.sh, a ctest fixture).
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "catalog/postgres.h"

namespace metadb::tests {

// conninfo of the suite's server. METADB_TEST_DATABASE overrides the fixture's file.
inline std::string server_conninfo() {
  if (const char* given = std::getenv("METADB_TEST_DATABASE")) return given;
  std::ifstream file(METADB_BINARY_DIR "/test-postgres/conninfo");
  std::string line;
  if (!std::getline(file, line)) {
    throw std::runtime_error(
        "no test PostgreSQL: run ctest, or tests/fakes/postgres.sh start " METADB_BINARY_DIR
        "/test-postgres");
  }
  return line;
}

inline uint16_t server_port() {
  return static_cast<uint16_t>(
      std::stoi(catalog::conninfo_value(server_conninfo(), "port").value_or("5432")));
}

// Created on construction, dropped on destruction.
class TestDatabase {
 public:
  TestDatabase() {
    static int counter = 0;
    name_ = "t" + std::to_string(getpid()) + "_" + std::to_string(++counter);
    catalog::Connection(server_conninfo()).exec("CREATE DATABASE " + name_);
  }
  ~TestDatabase() {
    try {
      catalog::Connection(server_conninfo()).exec("DROP DATABASE " + name_ + " WITH (FORCE)");
    } catch (const catalog::Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string conninfo() const {
    return catalog::conninfo_with(server_conninfo(), {{"dbname", name_}});
  }
  [[nodiscard]] catalog::Connection connect() const { return catalog::Connection(conninfo()); }

 private:
  std::string name_;
};

// Whether a session of the connection's database, which is no other test's, waits for a lock.
inline bool somebody_waits_for_a_lock(catalog::Connection& connection) {
  return connection
             .exec(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                 "wait_event_type = 'Lock'")
             .int64(0, 0) > 0;
}

}  // namespace metadb::tests
