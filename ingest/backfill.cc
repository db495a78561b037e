#include "ingest/backfill.h"

#include "ingest/children.h"

namespace metadb::ingest {
namespace {

constexpr int64_t kBeforeAll = -1;  // __id is positive

class Backfill {
 public:
  Backfill(catalog::Catalog& catalog, catalog::Connection& connection, catalog::TableName name,
           const std::string& column, const std::function<void()>& check)
      : catalog_(catalog),
        connection_(connection),
        name_(std::move(name)),
        column_(column),
        check_(check),
        shaper_(catalog, connection, {}),
        children_(catalog, connection, shaper_) {
    for (const std::string& sql : WorkTables::create()) connection_.exec(sql);
  }

  void run() {
    std::set<std::string> origins;
    for (const auto& [key, source] : catalog_.snapshot()->source_tables) {
      if (source.schema_name == name_.first && source.table_name == name_.second)
        origins.insert(source.origin);
    }
    for (const std::string& origin : origins) look(origin);
    while (!write(origins)) check_();
    for (const auto& [schema, table] : children_.take_grown())
      connection_.exec("ANALYZE (SKIP_LOCKED) " + catalog::quote_qualified(schema, table));
  }

 private:
  ReadyTable prepared(const std::string& origin) {
    ReadyTable ready{catalog_.snapshot()->tables.at(name_), {}, origin};
    children_.prepare(ready, "");
    return ready;
  }

  // Each piece by itself: what the tables lack is made before anything is written.
  void look(const std::string& origin) {
    int64_t after_id = kBeforeAll;
    for (bool is_done = false; !is_done;) {
      check_();
      const ReadyTable ready = prepared(origin);
      if (!children_.has(ready)) return;
      try {
        catalog::Transaction transaction(connection_);
        const auto last = children_.look_at_piece(ready, column_, after_id);
        transaction.commit();
        is_done = !last;
        after_id = last.value_or(after_id);
      } catch (const ChildrenOutgrown& outgrown) {
        children_.fit(outgrown, "");
      }
    }
  }

  // False: a value does not fit a type that was chosen for its column, which is text now.
  bool write(const std::set<std::string>& origins) {
    std::vector<ReadyTable> ready;
    for (const std::string& origin : origins) ready.push_back(prepared(origin));
    try {
      catalog::Transaction transaction(connection_);
      for (const ReadyTable& table : ready) {
        if (!children_.has(table)) continue;
        std::optional<int64_t> last = kBeforeAll;
        while (last) {
          check_();
          last = children_.write_piece(table, column_, *last);
        }
      }
      const auto written = children_.take_written();
      catalog::record_updates(connection_, {written.begin(), written.end()});
      transaction.commit();
      return true;
    } catch (const ChildrenOutgrown& outgrown) {
      children_.fit(outgrown, "");
      return false;
    }
  }

  catalog::Catalog& catalog_;
  catalog::Connection& connection_;
  catalog::TableName name_;
  const std::string& column_;
  const std::function<void()>& check_;
  TableShaper shaper_;
  Children children_;
};

}  // namespace

void backfill(catalog::Catalog& catalog, catalog::Connection& connection,
              const catalog::TableName& parent, const std::string& column,
              const std::function<void()>& check) {
  Backfill(catalog, connection, parent, column, check).run();
}

}  // namespace metadb::ingest
