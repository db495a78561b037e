// Makes target tables ready for the changes that come: claims, creates, widens.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "ingest/batch.h"
#include "ingest/rules.h"

namespace metadb::ingest {

// A table that changes go to, and what its rows carry.
struct ReadyTable {
  std::shared_ptr<const catalog::Table> table;  // null: nothing is known of it yet but truncates
  catalog::SourceTableKey source;
  std::string origin;
};

// Whether the events tell rows apart as the table does. REQUIRES: prepare() has seen the schema.
bool has_key_of(const catalog::Table& table, const RowSchema& schema);

// Every change of a table is a transaction of its own, committed before the batch that needs it,
// and published in the catalog. Only adds and widens (invariant 6). Used by one writer thread.
class TableShaper {
 public:
  struct Context {
    std::string source_name;
    NameRules rules;
  };
  TableShaper(catalog::Catalog& catalog, catalog::Connection& connection, Context context)
      : catalog_(catalog),
        connection_(connection),
        source_name_(std::move(context.source_name)),
        rules_(context.rules) {}

  // Throws LaneStopped: the target belongs to another source table, is refused, was dropped by
  // somebody, or its DDL fails; Error of the weather classes otherwise.
  ReadyTable prepare(const TableChanges& changes);

 private:
  std::shared_ptr<const catalog::Table> create(const TableChanges& changes,
                                               const catalog::SourceTable& target);
  void claim(const TableChanges& changes, const catalog::SourceTable& target);
  std::shared_ptr<const catalog::Table> fit(const catalog::Table& table,
                                            const TableChanges& changes,
                                            const catalog::SourceTable& target);
  catalog::Table fit_columns(const catalog::Table& table, const RowSchema& schema);
  catalog::Table widen(const catalog::Table& table, const catalog::Column& column,
                       catalog::PgType to);
  catalog::Table fit_key(const catalog::Table& table, const RowSchema& schema,
                         const catalog::SourceTable& target);
  void agree_on_key(const catalog::Table& table, const std::vector<std::string>& key,
                    const catalog::SourceTable& target);
  catalog::Table fit_years(const catalog::Table& table, const Run& run);
  // Runs `change` in a transaction with a short lock_timeout, then publishes what it returns.
  std::shared_ptr<const catalog::Table> in_transaction(
      const std::function<catalog::Table()>& change);

  catalog::Catalog& catalog_;
  catalog::Connection& connection_;
  std::string source_name_;
  Rules rules_;
  std::set<catalog::SourceTableKey> agreed_;  // have the key of the table that they share
};

}  // namespace metadb::ingest
