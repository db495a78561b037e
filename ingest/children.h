// Transformed tables follow the versions of their parents: what the mapped documents of a run make,
// in the transaction of the run.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/catalog.h"
#include "ingest/child_shaper.h"
#include "ingest/child_sql.h"
#include "ingest/merge_sql.h"

namespace metadb::ingest {

// One connection's part of it: staging tables, and what they are for. Used by one thread, with the
// work tables of the merge (WorkTables), which it overwrites.
class Children {
 public:
  using Clock = std::chrono::steady_clock;

  Children(catalog::Catalog& catalog, catalog::Connection& connection, TableShaper& tables)
      : catalog_(catalog), connection_(connection), shaper_(catalog, connection, tables) {}

  // Before the transaction: tables and staging for what is mapped of the table's documents. Throws
  // as TableShaper::prepare() does.
  void prepare(const ReadyTable& ready, const std::string& topic);
  [[nodiscard]] bool has(const ReadyTable& ready) const;
  // The transformed tables that are written with the table.
  [[nodiscard]] std::vector<const catalog::Table*> tables(const ReadyTable& ready) const;

  // All of these throw ChildrenOutgrown if a table lacks a place for a value: fit() it, prepare()
  // again, and do the transaction again. REQUIRES: a transaction.
  // The run whose versions `merge` has just written; its earliest event, and the table's last end.
  struct Times {
    int64_t earliest_us = INT64_MIN;
    int64_t last_end_us = INT64_MAX;
  };
  void follow(const ReadyTable& ready, const MergeSql& merge, const Times& times);
  // The one staged row has been made a version of the past, or a gap in it, in this time.
  void follow_late(const ReadyTable& ready, const MergeSql& merge, const ChildSql::Window& window);
  // What a truncate ends, before it ends it in the table; or spares.
  void truncate(const ReadyTable& ready, int64_t ts_us, bool spares_newer);
  // The documents of a piece of the table's current rows, those whose __id comes after `after_id`:
  // whether their rows find a place, or their rows as if each root had just begun. Returns the last
  // __id of the piece; nullopt: there is none.
  std::optional<int64_t> look_at_piece(const ReadyTable& ready, const std::string& column,
                                       int64_t after_id);
  std::optional<int64_t> write_piece(const ReadyTable& ready, const std::string& column,
                                     int64_t after_id);

  void fit(const ChildrenOutgrown& outgrown, const std::string& topic) {
    shaper_.fit(outgrown, topic);
  }
  // Transformed tables that were written since the last call.
  std::set<catalog::TableName> take_written() { return std::exchange(written_, {}); }
  // Transformed tables that have grown so much since the last call that their statistics are old.
  std::set<catalog::TableName> take_grown();
  // Drops the staging tables that were not used in the hour before `now`.
  void drop_idle(Clock::time_point now);

 private:
  struct Child {
    std::shared_ptr<const catalog::Table> table;
    ChildShape shape;
    ChildSql sql;
  };
  struct Family {  // of one column
    MappedColumn mapped;
    std::map<std::string, Child> children;  // by id
  };
  struct Entry {
    std::shared_ptr<const catalog::Table> parent;
    std::string roots;
    std::vector<Family> families;
    Clock::time_point used;
  };
  using Key = std::pair<catalog::TableName, std::string>;  // and origin

  static Key key_of(const ReadyTable& ready);
  void make(const ReadyTable& ready, const std::vector<MappedColumn>& mapped,
            const std::vector<ChildShaper::Tables>& tables);
  void drop(const Key& key);
  void drop_stages(const Entry& entry);
  // `document`: index of the column in the staged events, if they may lack its documents.
  struct Documents {
    std::string sql;  // empty: there are none
    std::optional<uint16_t> index;
    Times times{};
    Keys keys = Keys::once;  // of the rows of one table
  };
  std::optional<int64_t> take_piece(const Entry& entry, const std::string& origin,
                                    int64_t after_id);
  void transform(const Entry& entry, const Family& family, const Documents& documents);
  std::set<std::string> stage(const Entry& entry, const Family& family, const Documents& documents,
                              bool is_look = false);
  void merge(const Entry& entry, const Family& family, const Child& child, bool has_rows,
             const Documents& documents);
  void insert_late(const Entry& entry, const Family& family, const Child& child,
                   const ChildSql::Window& window);
  void convert(const Entry& entry, const Family& family, const Child& child);
  void write(const Child& child);
  void tell_once(const std::string& what);

  catalog::Catalog& catalog_;
  catalog::Connection& connection_;
  ChildShaper shaper_;
  std::map<Key, Entry> entries_;
  int64_t stages_made_ = 0;
  std::set<catalog::TableName> written_;
  struct Growth {
    int64_t rows = 0;
    int64_t next_analyze = 10'000;
  };
  std::map<catalog::TableName, Growth> growth_;
  std::set<std::string> told_;
};

}  // namespace metadb::ingest
