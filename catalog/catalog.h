// What the schema `metadb` holds, in memory, as of the last commit.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "catalog/json_mappings.h"
#include "catalog/postgres.h"
#include "catalog/settings.h"
#include "catalog/source_tables.h"
#include "catalog/sources.h"
#include "catalog/tables.h"
#include "catalog/users.h"

namespace metadb::catalog {

// Immutable once published.
struct Snapshot {
  std::map<std::string, DataSource> sources;
  std::map<SourceTableKey, SourceTable> source_tables;
  std::map<TableName, std::shared_ptr<const Table>> tables;
  std::vector<std::string> origins;
  Users users;
  std::vector<JsonMapping> json_mappings;
  Settings settings;
  std::string installation_id;
};

struct CatalogOptions {
  std::string conninfo;  // as the system user, who owns everything of ours
  std::string
      superuser_conninfo;  // for role commands; the same as conninfo if there is no superuser
};

// Owner: main. Any thread may read a snapshot or publish; the mutex is held for the copy of a
// pointer only. Invariant 9: the snapshot equals committed rows, so publish only after COMMIT.
class Catalog {
 public:
  explicit Catalog(CatalogOptions options) : options_(std::move(options)) {}

  // Migrates the schema, makes the role metadb_admin, public.mdbversion() and the event trigger of
  // durable grants, loads everything.
  // `version` is what mdbversion() answers.
  void open(const std::string& version);

  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;
  // Reads all rows again and publishes them. Throws Error 55P03 if somebody keeps a table of ours
  // locked for five seconds.
  void reload(Connection& connection);
  // Publishes the current snapshot with `change` made to it. REQUIRES: the change is committed.
  void publish(const std::function<void(Snapshot&)>& change);

  [[nodiscard]] const CatalogOptions& options() const { return options_; }
  // Their search_path is pg_catalog: what users put into `public` is never run with our rights.
  [[nodiscard]] Connection connect() const { return connected(options_.conninfo); }
  [[nodiscard]] Connection connect_superuser() const {
    return connected(options_.superuser_conninfo);
  }

 private:
  static Connection connected(const std::string& conninfo);

  CatalogOptions options_;
  mutable std::mutex mutex_;  // guards current_
  std::mutex publishing_;     // one publisher at a time; taken before mutex_
  std::shared_ptr<const Snapshot> current_;
};

}  // namespace metadb::catalog
