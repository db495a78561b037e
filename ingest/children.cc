#include "ingest/children.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "catalog/sql_time.h"
#include "ingest/documents.h"
#include "ingest/outcome.h"

namespace metadb::ingest {
namespace {

using catalog::Error;

// Roots of one piece of a backfill.
constexpr int64_t kPieceRows = 10'000;
constexpr int64_t kAnalyzeRows = 10'000;
constexpr std::chrono::hours kIdleMax{1};

// As many as the unique index of a transformed table has room for: __origin and the roots are in
// it.
size_t ordinals_max(const catalog::Table& parent) {
  constexpr size_t kIndexColumnsMax = 32;  // PostgreSQL's INDEX_MAX_KEYS
  return kIndexColumnsMax - std::min(kIndexColumnsMax, 1 + parent.key_columns.size());
}

}  // namespace

Children::Key Children::key_of(const ReadyTable& ready) {
  return {{ready.table->schema, ready.table->current_name}, ready.origin};
}

void Children::prepare(const ReadyTable& ready, const std::string& topic) {
  const std::vector<MappedColumn> mapped = mapped_columns(*catalog_.snapshot(), *ready.table);
  if (mapped.empty()) {
    drop(key_of(ready));
    return;
  }
  std::vector<ChildShaper::Tables> tables;
  for (const MappedColumn& column : mapped)
    tables.push_back(shaper_.prepare(*ready.table, column, topic));
  if (ready.table->key_columns.empty()) {
    tell_once(fmt::format("{} has no key: its documents make no rows", ready.table->main()));
    drop(key_of(ready));
    return;
  }
  make(ready, mapped, tables);
}

// Nothing if all is as it was.
void Children::make(const ReadyTable& ready, const std::vector<MappedColumn>& mapped,
                    const std::vector<ChildShaper::Tables>& tables) {
  const auto is_same = [&](const Entry& entry) {
    if (entry.parent != ready.table || entry.families.size() != mapped.size()) return false;
    for (size_t i = 0; i < mapped.size(); ++i) {
      const Family& family = entry.families[i];
      if (family.mapped != mapped[i] || family.children.size() != tables[i].size()) return false;
      for (const auto& [id, table] : tables[i]) {
        const auto found = family.children.find(id);
        if (found == family.children.end() || found->second.table != table) return false;
      }
    }
    return true;
  };
  const Key key = key_of(ready);
  const auto found = entries_.find(key);
  if (found != entries_.end() && is_same(found->second)) {
    found->second.used = Clock::now();
    return;
  }
  drop(key);
  Entry entry{ready.table, fmt::format("json_roots_{}", ++stages_made_), {}, Clock::now()};
  connection_.exec(ChildSql::create_roots(*ready.table, entry.roots));
  for (size_t i = 0; i < mapped.size(); ++i) {
    Family family{mapped[i], {}};
    for (const auto& [id, table] : tables[i]) {
      const ChildShape shape(*table);
      const int64_t number = ++stages_made_;
      ChildSql sql(*ready.table, *table, shape,
                   {entry.roots, fmt::format("json_rows_{}", number),
                    fmt::format("json_stage_{}", number), ready.origin});
      connection_.exec(sql.create_rows());
      for (const std::string& statement : sql.merge().create_stage()) connection_.exec(statement);
      family.children.emplace(id, Child{table, shape, std::move(sql)});
    }
    entry.families.push_back(std::move(family));
  }
  entries_.emplace(key, std::move(entry));
}

void Children::drop(const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  drop_stages(found->second);
  entries_.erase(found);
}

void Children::drop_stages(const Entry& entry) {
  for (const Family& family : entry.families) {
    for (const auto& [id, child] : family.children) {
      connection_.exec(child.sql.drop_rows());
      connection_.exec(child.sql.merge().drop_stage());
    }
  }
  connection_.exec("DROP TABLE IF EXISTS pg_temp." + entry.roots);
}

void Children::drop_idle(Clock::time_point now) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (now - entry->second.used < kIdleMax) {
      ++entry;
      continue;
    }
    drop_stages(entry->second);
    entry = entries_.erase(entry);
  }
}

bool Children::has(const ReadyTable& ready) const {
  return entries_.contains(key_of(ready));
}

std::vector<const catalog::Table*> Children::tables(const ReadyTable& ready) const {
  std::vector<const catalog::Table*> out;
  const auto found = entries_.find(key_of(ready));
  if (found == entries_.end()) return out;
  for (const Family& family : found->second.families) {
    for (const auto& [id, child] : family.children) out.push_back(child.table.get());
  }
  return out;
}

void Children::follow(const ReadyTable& ready, const MergeSql& merge, const Times& times) {
  const auto found = entries_.find(key_of(ready));
  if (found == entries_.end()) return;
  const Entry& entry = found->second;
  connection_.exec("TRUNCATE pg_temp." + entry.roots);
  if (connection_.exec(merge.keep_roots(entry.roots)).affected() == 0) return;
  const bool has_chains = connection_.exec(ChildSql::has_chains(entry.roots)).boolean(0, 0);
  for (const Family& family : entry.families) {
    // Events without the column make its value NULL.
    Documents documents{"", merge.stage_index(family.mapped.column), times,
                        has_chains ? Keys::all : Keys::once};
    if (documents.index) documents.sql = merge.documents(entry.roots, *documents.index);
    transform(entry, family, documents);
  }
}

void Children::follow_late(const ReadyTable& ready, const MergeSql& merge,
                           const ChildSql::Window& window) {
  const auto found = entries_.find(key_of(ready));
  if (found == entries_.end()) return;
  const Entry& entry = found->second;
  connection_.exec("TRUNCATE pg_temp." + entry.roots);
  connection_.exec(merge.keep_late_root(entry.roots, window.from_us));
  for (const Family& family : entry.families) {
    Documents documents{"", merge.stage_index(family.mapped.column)};
    const std::string is_known = ChildSql::knows_documents(entry.roots, documents.index);
    if (!connection_.exec(is_known).boolean(0, 0)) continue;
    if (documents.index) documents.sql = merge.documents(entry.roots, *documents.index);
    stage(entry, family, documents);
    for (const auto& [id, child] : family.children) insert_late(entry, family, child, window);
  }
}

void Children::insert_late(const Entry& entry, const Family& family, const Child& child,
                           const ChildSql::Window& window) {
  const MergeSql& merge = child.sql.merge();
  connection_.exec(merge.truncate_stage());
  connection_.exec(child.sql.stage_rows());
  if (merge.is_converted()) convert(entry, family, child);
  connection_.exec(child.sql.create_pieces());
  for (const std::string& take : child.sql.take_pieces(window)) connection_.exec(take);
  connection_.exec(child.sql.add_pieces(window));
  if (connection_.exec(child.sql.put_pieces()).affected() > 0)
    written_.emplace(child.table->schema, child.table->current_name);
  connection_.exec(ChildSql::drop_pieces());
}

void Children::truncate(const ReadyTable& ready, int64_t ts_us, bool spares_newer) {
  const auto found = entries_.find(key_of(ready));
  if (found == entries_.end()) return;
  for (const Family& family : found->second.families) {
    for (const auto& [id, child] : family.children) {
      if (connection_.exec(child.sql.end_with_roots(ts_us, spares_newer)).affected() > 0)
        written_.emplace(child.table->schema, child.table->current_name);
    }
  }
}

std::optional<int64_t> Children::take_piece(const Entry& entry, const std::string& origin,
                                            int64_t after_id) {
  connection_.exec("TRUNCATE pg_temp." + entry.roots);
  connection_.exec(
      ChildSql::take_current(*entry.parent, origin, entry.roots, {after_id, kPieceRows}));
  const catalog::Result last = connection_.exec("SELECT max(id) FROM pg_temp." + entry.roots);
  if (last.is_null(0, 0)) return std::nullopt;
  return last.int64(0, 0);
}

std::optional<int64_t> Children::look_at_piece(const ReadyTable& ready, const std::string& column,
                                               int64_t after_id) {
  const Entry& entry = entries_.at(key_of(ready));
  const auto last = take_piece(entry, ready.origin, after_id);
  const Documents documents{ChildSql::current_documents(*entry.parent, column, entry.roots), {}};
  for (const Family& family : entry.families) {
    if (last && family.mapped.column == column) stage(entry, family, documents, true);
  }
  return last;
}

std::optional<int64_t> Children::write_piece(const ReadyTable& ready, const std::string& column,
                                             int64_t after_id) {
  const Entry& entry = entries_.at(key_of(ready));
  const auto last = take_piece(entry, ready.origin, after_id);
  const Documents documents{ChildSql::current_documents(*entry.parent, column, entry.roots), {}};
  for (const Family& family : entry.families) {
    if (last && family.mapped.column == column) transform(entry, family, documents);
  }
  return last;
}

// Several kinds of rows are staged side by side, since one document makes rows of several tables.
void Children::transform(const Entry& entry, const Family& family, const Documents& documents) {
  const std::set<std::string> with_rows = stage(entry, family, documents);
  for (const auto& [id, child] : family.children)
    merge(entry, family, child, with_rows.contains(id), documents);
}

// Returns the tables that have rows.
std::set<std::string> Children::stage(const Entry& entry, const Family& family,
                                      const Documents& documents, bool is_look) {
  ChildRows rows(
      [&](const std::string& id, std::string_view tuples) {
        if (is_look) return;
        const std::string_view chunks[] = {tuples};
        connection_.copy_binary(family.children.at(id).sql.copy_rows(), chunks);
      },
      ordinals_max(*entry.parent));
  for (const auto& [id, child] : family.children) {
    connection_.exec(child.sql.truncate_rows());
    rows.add_table(id, &child.shape);
  }
  if (!documents.sql.empty()) {
    read_documents(connection_, documents.sql, [&](int64_t n, std::string_view text) {
      if (rows.add_document(family.mapped.map, text, n)) return;
      tell_once(fmt::format("column {} of {}: a text is no JSON, and makes no rows",
                            family.mapped.column, entry.parent->main()));
    });
  }
  rows.finish();
  for (const std::string& id : rows.full()) {
    tell_once(fmt::format(
        "{} has {} columns: further fields of its objects are left out",
        catalog::quote_qualified(entry.parent->schema, child_names(*entry.parent, id).main),
        ChildRows::kColumnsMax));
  }
  for (const std::string& id : rows.too_deep()) {
    tell_once(fmt::format(
        "{}: elements of arrays that are nested too deeply are left out",
        catalog::quote_qualified(entry.parent->schema, child_names(*entry.parent, id).main)));
  }
  if (!rows.needs().empty())
    throw ChildrenOutgrown(entry.parent, family.mapped.column, rows.needs());
  std::set<std::string> out;
  for (const auto& [id, child] : family.children) {
    if (rows.rows(id) > 0) out.insert(id);
  }
  return out;
}

void Children::merge(const Entry& entry, const Family& family, const Child& child, bool has_rows,
                     const Documents& documents) {
  const MergeSql& merge = child.sql.merge();
  connection_.exec(merge.truncate_stage());
  int64_t staged = 0;
  if (has_rows) {
    staged += connection_.exec(child.sql.stage_rows()).affected();
    staged += connection_.exec(child.sql.stage_superseded(documents.index)).affected();
  }
  staged += connection_.exec(child.sql.stage_vanished(documents.index)).affected();
  if (staged == 0) return;
  if (merge.is_converted()) convert(entry, family, child);
  connection_.exec(WorkTables::truncate());
  if (documents.times.earliest_us < documents.times.last_end_us) {
    // What a dropped mapping has ended may have ended later than this.
    const int64_t before_us = std::min(documents.times.last_end_us, catalog::kNoEndUs);
    connection_.exec(merge.look_up_ends(before_us));
  }
  if (staged >= kAnalyzeRows) connection_.exec("ANALYZE pg_temp." + merge.stage_name());
  connection_.exec(merge.pair({documents.keys}));
  write(child);
}

void Children::convert(const Entry& entry, const Family& family, const Child& child) {
  const MergeSql& merge = child.sql.merge();
  for (const MergeSql::Probe& probe : merge.probes()) {
    try {
      connection_.exec(probe.sql);
    } catch (const Error& error) {
      if (!may_be_refusal(error) || !connection_.is_ok()) throw;
      ChildNeeds needs;
      for (const auto& [id, other] : family.children) {
        if (other.table == child.table) needs[id].to_text.insert(probe.column);
      }
      spdlog::warn("column {} of {}: a value of the documents does not fit its type ({})",
                   probe.column, child.table->main(), error.what());
      throw ChildrenOutgrown(entry.parent, family.mapped.column, needs);
    }
  }
  connection_.exec(merge.convert());
}

void Children::write(const Child& child) {
  const MergeSql& merge = child.sql.merge();
  const catalog::Result summary = connection_.exec(MergeSql::summary());
  const int64_t ended = summary.int64(0, 0);
  const int64_t superseded = summary.int64(0, 1);
  const int64_t current = summary.int64(0, 2);
  if (ended > 0 && connection_.exec(merge.end_current()).affected() != ended) {
    throw Error("40001", fmt::format("somebody else has changed rows of {} meanwhile",
                                     child.table->current()));
  }
  if (superseded > 0) connection_.exec(merge.insert_history());
  if (current > 0) connection_.exec(merge.insert_current());
  if (ended + superseded + current == 0) return;
  const catalog::TableName name(child.table->schema, child.table->current_name);
  written_.insert(name);
  growth_[name].rows += current;
}

std::set<catalog::TableName> Children::take_grown() {
  std::set<catalog::TableName> out;
  for (auto& [name, growth] : growth_) {
    if (growth.rows < growth.next_analyze) continue;
    while (growth.next_analyze <= growth.rows) growth.next_analyze *= 2;
    out.insert(name);
  }
  return out;
}

void Children::tell_once(const std::string& what) {
  if (told_.insert(what).second) spdlog::warn("{}", what);
}

}  // namespace metadb::ingest
