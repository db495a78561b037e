// Makes transformed tables ready for the rows of documents: creates, adds columns, makes them text.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ingest/child_rows.h"
#include "ingest/names.h"
#include "ingest/table_shaper.h"

namespace metadb::ingest {

// The names of the table for the array, or the root, that is mapped to `id`.
TableNames child_names(const catalog::Table& parent, const std::string& id);

// The columns of a transformed table that hold values of the mapped object of that id.
std::vector<std::string> columns_of_object(const catalog::Table& table, const std::string& id);

// What is mapped of one column of a table.
struct MappedColumn {
  std::string column;
  JsonMap map;
  bool operator==(const MappedColumn&) const = default;
};
// The columns whose documents make rows, also those that are gone or hold no JSON any more: what
// their documents have made ends with the next versions.
std::vector<MappedColumn> mapped_columns(const catalog::Snapshot& snapshot,
                                         const catalog::Table& table);

// Documents have rows that their tables have no place for.
struct ChildrenOutgrown : catalog::Error {
  ChildrenOutgrown(std::shared_ptr<const catalog::Table> parent_, std::string column_,
                   ChildNeeds needs_)
      // Of the weather classes: no event is at fault.
      : catalog::Error("40001", "transformed tables lack columns"),
        parent(std::move(parent_)),
        column(std::move(column_)),
        needs(std::move(needs_)) {}

  std::shared_ptr<const catalog::Table> parent;
  std::string column;
  ChildNeeds needs;
};

// As TableShaper, each change in a transaction of its own. Used by one thread.
class ChildShaper {
 public:
  using Tables = std::map<std::string, std::shared_ptr<const catalog::Table>>;  // by id

  ChildShaper(catalog::Catalog& catalog, catalog::Connection& connection, TableShaper& tables)
      : catalog_(catalog), connection_(connection), tables_(tables) {}

  // The transformed tables that there are for the mapped column, with the parent's years and the
  // types of its key. Throws as TableShaper::prepare() does.
  Tables prepare(const catalog::Table& parent, const MappedColumn& mapped,
                 const std::string& topic);
  // Gives the tables what they lack. Throws as prepare() does.
  void fit(const ChildrenOutgrown& outgrown, const std::string& topic);

 private:
  struct Fitting {
    const catalog::Table& parent;
    const MappedColumn& mapped;
    const std::string& id;
    const ChildNeed& need;
  };
  [[nodiscard]] std::shared_ptr<const catalog::Table> find(const catalog::Table& parent,
                                                           const std::string& id) const;
  void fit_table(const Fitting& fitting, const std::string& topic);
  catalog::Table create(catalog::Table table, const Fitting& fitting);
  catalog::Table adopt(catalog::Table table, const Fitting& fitting);
  catalog::Table extend(catalog::Table table, const Fitting& fitting);
  void add_columns(catalog::Table& table, const Fitting& fitting);
  void keep_type(catalog::Table& table, const std::string& name);
  void make_texts(catalog::Table& table, const Fitting& fitting);

  catalog::Catalog& catalog_;
  catalog::Connection& connection_;
  TableShaper& tables_;
};

}  // namespace metadb::ingest
