// A database with a system user who is no superuser, and two users.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "catalog/access.h"
#include "catalog/catalog.h"
#include "catalog/tables.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {

// Roles belong to the whole server, so their names begin with the database's. The reader is the one
// who is granted access; the writer makes objects of its own.
class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    for (const char* name : {"system", "reader", "writer"}) {
      superuser_.exec("CREATE ROLE " + role(name) + " LOGIN");
    }
    superuser_.exec("ALTER DATABASE " + database_.name() + " OWNER TO " + role("system"));
    catalog::Catalog({conninfo("system"), database_.conninfo()}).open("test");
    system_.emplace(conninfo("system"));
    system_->exec("SET search_path = pg_catalog");
    superuser_.exec("SET search_path = pg_catalog");
    catalog::register_user(*system_, {role("reader"), ""});
    superuser_.exec("CREATE SCHEMA work AUTHORIZATION " + role("writer"));
    reader_.emplace(conninfo("reader"));
    writer_.emplace(conninfo("writer"));
  }
  ~AccessTest() override {
    superuser_.exec("ALTER DATABASE " + database_.name() + " OWNER TO postgres");
    for (const char* name : {"reader", "writer", "system"}) {
      superuser_.exec("DROP OWNED BY " + role(name) + " CASCADE");
      superuser_.exec("DROP ROLE " + role(name));
    }
  }

  [[nodiscard]] std::string role(const std::string& name) const {
    return database_.name() + "_" + name;
  }
  [[nodiscard]] std::string conninfo(const std::string& user) const {
    return catalog::conninfo_with(database_.conninfo(), {{"user", role(user)}});
  }
  static catalog::Table table(const std::string& name) {
    catalog::Table out;
    out.schema = "My \"s\"";
    out.current_name = name;
    out.main_name = name + "__";
    out.history_name = "zzz___" + name + "___";
    out.sync_name = out.history_name + "sync";
    out.source_name = "src";
    out.columns = {{"id", "integer", catalog::PgType::int4}};
    out.key_columns = {"id"};
    return out;
  }
  void create(const catalog::Table& made) {
    catalog::Transaction transaction(*system_);
    catalog::create_table(*system_, made);
    transaction.commit();
  }
  // nullopt: on all.
  void grant(const std::optional<catalog::AccessObject>& object) {
    catalog::Transaction transaction(superuser_);
    catalog::lock_access(superuser_);
    catalog::grant_access(superuser_, {role("reader"), object});
    transaction.commit();
  }
  bool revoke(const std::optional<catalog::AccessObject>& object) {
    catalog::Transaction transaction(superuser_);
    catalog::lock_access(superuser_);
    const bool was_granted = catalog::revoke_access(superuser_, {role("reader"), object});
    transaction.commit();
    return was_granted;
  }
  // Why the reader cannot run it; empty if it can.
  std::string refusal(const std::string& sql) {
    try {
      reader_->exec(sql);
    } catch (const catalog::Error& error) {
      return error.message();
    }
    return "";
  }
  static catalog::AccessObject work_table(const std::string& name) {
    return {catalog::ObjectType::table, "work", name};
  }

  TestDatabase database_;
  catalog::Connection superuser_ = database_.connect();
  std::optional<catalog::Connection> system_;
  std::optional<catalog::Connection> reader_;
  std::optional<catalog::Connection> writer_;
};

}  // namespace metadb::tests
