#include "ingest/child_shaper.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>

#include "catalog/transformed_tables.h"
#include "ingest/child_texts.h"

namespace metadb::ingest {
namespace {

using catalog::Column;
using catalog::Error;
using catalog::PgType;
using catalog::Table;

Column column_of(std::string name, PgType type) {
  return {std::move(name), std::string(catalog::row_of(type).name), type};
}

std::set<std::string, std::less<>> taken_names(const Table& table) {
  std::set<std::string, std::less<>> out;
  for (const Column& column : table.columns) out.insert(column.name);
  return out;
}

// Adds the column in memory, under a name that is free.
const Column& name_column(Table& table, const std::string& source, std::string_view wanted,
                          Column column) {
  column.name = column_name(wanted, taken_names(table));
  std::erase_if(table.renamed, [&](const auto& pair) { return pair.second == column.name; });
  if (column.name != source) table.renamed[source] = column.name;
  table.columns.push_back(std::move(column));
  return table.columns.back();
}

void name_roots(Table& table, const Table& parent) {
  for (const std::string& name : parent.key_columns) {
    const std::string source = catalog::root_source_column(name);
    Column root = *parent.column(name);
    root.choice = catalog::TypeChoice::events;
    table.key_columns.push_back(name_column(table, source, source, std::move(root)).name);
  }
}

void each_map(const JsonMap& map, const std::function<void(const JsonMap&)>& what) {
  what(map);
  for (const JsonMap& field : map.fields) each_map(field, what);
}

Error no_place(const Table& child, const std::string& reason) {
  return Error("42P07",
               fmt::format("transformed table {} cannot be made: {}", child.main(), reason))
      .with_hint("Drop the data mapping, and create it with another target identifier.");
}

void check_key(const Table& child, const Table& parent, const std::string& topic) {
  if (catalog::names_roots(parent, child)) return;
  throw LaneStopped(
      Error("55006",
            fmt::format("the key of {} is ({}) now, and the rows of {} name their roots by another "
                        "one",
                        parent.main(), fmt::join(parent.key_columns, ", "), child.main()))
          .with_hint(fmt::format("PURGE DATA DROP TABLE {}: it is made anew.", child.main())),
      topic);
}

}  // namespace

TableNames child_names(const Table& parent, const std::string& id) {
  return TableNames(fmt::format("{}__{}", parent.current_name, id));
}

std::vector<std::string> columns_of_object(const Table& table, const std::string& id) {
  std::vector<std::string> out;
  for (const auto& [source, column] : table.renamed) {
    if (source.starts_with(id + ".")) out.push_back(column);
  }
  return out;
}

std::vector<MappedColumn> mapped_columns(const catalog::Snapshot& snapshot, const Table& table) {
  std::map<std::string, std::vector<catalog::JsonMapping>> by_column;
  for (const catalog::JsonMapping& mapping : snapshot.json_mappings) {
    if (mapping.schema_name == table.schema && mapping.table_name == table.current_name)
      by_column[mapping.column_name].push_back(mapping);
  }
  std::vector<MappedColumn> out;
  for (const auto& [name, mappings] : by_column) {
    if (auto map = json_map(mappings)) out.push_back({name, std::move(*map)});
  }
  return out;
}

std::shared_ptr<const Table> ChildShaper::find(const Table& parent, const std::string& id) const {
  const auto snapshot = catalog_.snapshot();
  const auto found = snapshot->tables.find({parent.schema, child_names(parent, id).current});
  return found == snapshot->tables.end() ? nullptr : found->second;
}

ChildShaper::Tables ChildShaper::prepare(const Table& parent, const MappedColumn& mapped,
                                         const std::string& topic) {
  Tables out;
  each_map(mapped.map, [&](const JsonMap& map) {
    std::shared_ptr<const Table> child = find(parent, map.id);
    if (!child || child->parent != catalog::TableName(parent.schema, parent.current_name)) return;
    std::vector<Column> changed;
    for (const std::string& name : parent.key_columns) {
      const Column* root = child->column_of_source(catalog::root_source_column(name));
      const Column& key = *parent.column(name);
      if (root == nullptr || root->type_name == key.type_name) continue;
      changed.push_back({root->name, key.type_name, key.type});
    }
    if (!changed.empty()) {
      child = tables_.change(topic, *child, [&] {
        catalog::change_types(connection_, *child, changed);
        Table fitted = *child;
        for (const Column& column : changed)
          *std::ranges::find(fitted.columns, column.name, &Column::name) = column;
        return fitted;
      });
    }
    for (const int year : parent.years) {
      if (child->years.contains(year)) continue;
      child = tables_.change(topic, *child, [&] {
        catalog::add_year(connection_, *child, year);
        Table fitted = *child;
        fitted.years.insert(year);
        return fitted;
      });
    }
    check_key(*child, parent, topic);
    out[map.id] = child;
  });
  return out;
}

Table ChildShaper::create(Table table, const Fitting& fitting) {
  name_roots(table, fitting.parent);
  for (const ChildLevel& level : fitting.need.levels) {
    table.key_columns.push_back(name_column(table, ordinal_source_column(level),
                                            ordinal_name(level), column_of("", PgType::int4))
                                    .name);
  }
  for (const ChildNeed::NewColumn& added : fitting.need.columns)
    name_column(table, added.source, added.name, column_of("", pg_type_of(added.type)));
  Table created;
  try {
    created = catalog::create_table(connection_, table);
  } catch (const Error& error) {
    const bool is_name_taken = error.sqlstate == "42P07" || error.sqlstate == "42710";
    if (is_name_taken) throw no_place(table, error.message());
    if (error.sqlstate != "23505") throw;
    throw Error("42P01", fmt::format("transformed table {} has been dropped", table.main()))
        .with_hint("PURGE DATA DROP TABLE of it, so that it is made anew.");
  }
  for (const auto& [source, name] : table.renamed)
    catalog::rename_column_source(connection_, table, source, name);
  return created;
}

Table ChildShaper::adopt(Table table, const Fitting& fitting) {
  const auto snapshot = catalog_.snapshot();
  const bool is_fed = std::ranges::any_of(snapshot->source_tables, [&](const auto& pair) {
    return pair.second.schema_name == table.schema && pair.second.table_name == table.current_name;
  });
  if (is_fed || table.is_transformed)
    throw no_place(table, "a table of another origin has that name");
  table.is_transformed = true;
  table.parent = {fitting.parent.schema, fitting.parent.current_name};
  table.source_name = fitting.parent.source_name;
  catalog::adopt_table(connection_, table);
  Table before = table;
  name_roots(table, fitting.parent);
  for (const std::string& name : table.key_columns)
    catalog::add_column(connection_, before, *table.column(name));
  for (const auto& [source, name] : table.renamed) {
    if (!before.renamed.contains(source))
      catalog::rename_column_source(connection_, table, source, name);
  }
  catalog::change_key(connection_, table, {table.key_columns, ""});
  return extend(std::move(table), fitting);
}

Table ChildShaper::extend(Table table, const Fitting& fitting) {
  for (const ChildLevel& level : fitting.need.levels) {
    const std::string source = ordinal_source_column(level);
    if (table.column_of_source(source) != nullptr) continue;
    const Table before = table;
    const Column added =
        name_column(table, source, ordinal_name(level), column_of("", PgType::int4));
    catalog::add_ordinal(connection_, before, added);
    catalog::rename_column_source(connection_, table, source, added.name);
    table.key_columns.push_back(added.name);
    // Another writer, who does not know it, would write rows without.
    catalog::revise(connection_, table);
    table.revision =
        catalog::load_tables(connection_, catalog::TableName(table.schema, table.current_name))
            .at(0)
            .revision;
  }
  add_columns(table, fitting);
  make_texts(table, fitting);
  return table;
}

void ChildShaper::add_columns(Table& table, const Fitting& fitting) {
  for (const ChildNeed::NewColumn& added : fitting.need.columns) {
    if (table.column_of_source(added.source) != nullptr) continue;
    // One that a user has added, or external SQL asked for, is meant for the field of its name.
    const bool is_meant =
        table.column(added.name) != nullptr && added.name != fitting.id &&
        std::ranges::find(table.key_columns, added.name) == table.key_columns.end() &&
        std::ranges::none_of(table.renamed,
                             [&](const auto& pair) { return pair.second == added.name; });
    if (is_meant) {
      table.renamed[added.source] = added.name;
      catalog::rename_column_source(connection_, table, added.source, added.name);
      keep_type(table, added.name);
      continue;
    }
    const Table before = table;
    const Column column =
        name_column(table, added.source, added.name, column_of("", pg_type_of(added.type)));
    catalog::add_column(connection_, before, column);
    catalog::rename_column_source(connection_, table, added.source, column.name);
    spdlog::info("column {} {} added to {}", column.name, column.type_name, table.main());
  }
}

// A type that no value of a document has was chosen: values are cast to it, for as long as they
// fit.
void ChildShaper::keep_type(Table& table, const std::string& name) {
  Column& column = *std::ranges::find(table.columns, name, &Column::name);
  if (json_type_of(column) || column.choice != catalog::TypeChoice::events) return;
  Column chosen = column;
  chosen.choice = catalog::TypeChoice::by_hand;
  catalog::change_types(connection_, table, {chosen});
  column = chosen;
}

void ChildShaper::make_texts(Table& table, const Fitting& fitting) {
  std::vector<Column> changed;
  TextColumns texts{fitting.parent,     table,      fitting.mapped.column,
                    fitting.mapped.map, fitting.id, {}};
  for (const std::string& name : fitting.need.to_text) {
    const auto column = std::ranges::find(table.columns, name, &Column::name);
    if (column == table.columns.end()) continue;
    const Column text = column_of(name, PgType::text);
    const bool is_by_events = column->choice == catalog::TypeChoice::events;
    if (is_by_events && column->type == PgType::text && column->type_name == text.type_name)
      continue;
    spdlog::info("column {} of {} is text now, was {}", name, table.main(), column->type_name);
    changed.push_back(text);
    // The text of a canonical uuid is the one that stands in the document.
    if (column->choice != catalog::TypeChoice::inferred)
      texts.columns.push_back({name, is_by_events ? json_type_of(*column) : std::nullopt});
  }
  if (changed.empty()) return;
  catalog::change_types(connection_, table, changed);
  for (const Column& text : changed)
    *std::ranges::find(table.columns, text.name, &Column::name) = text;
  if (texts.columns.empty()) return;
  const int64_t kept = derive_texts(connection_, texts);
  if (kept == 0) return;
  spdlog::info("{}: {} values whose documents are gone have the text that PostgreSQL makes of them",
               table.main(), kept);
}

void ChildShaper::fit(const ChildrenOutgrown& outgrown, const std::string& topic) {
  const auto snapshot = catalog_.snapshot();
  const auto parent = known_table(*snapshot, *outgrown.parent);
  for (const MappedColumn& mapped : mapped_columns(*snapshot, *parent)) {
    if (mapped.column != outgrown.column) continue;
    for (const auto& [id, need] : outgrown.needs) fit_table({*parent, mapped, id, need}, topic);
  }
}

void ChildShaper::fit_table(const Fitting& fitting, const std::string& topic) {
  const Table& parent = fitting.parent;
  const auto found = find(parent, fitting.id);
  if (found) {
    const bool is_own = found->parent == catalog::TableName(parent.schema, parent.current_name);
    tables_.change(topic, *found,
                   [&] { return is_own ? extend(*found, fitting) : adopt(*found, fitting); });
    return;
  }
  const TableNames names = child_names(parent, fitting.id);
  Table table;
  table.schema = parent.schema;
  table.current_name = names.current;
  table.main_name = names.main;
  table.history_name = names.history;
  table.sync_name = names.sync;
  table.source_name = parent.source_name;
  table.is_transformed = true;
  table.parent = {parent.schema, parent.current_name};
  tables_.change(topic, table, [&] { return create(table, fitting); });
  spdlog::info("transformed table {} created for {}", table.main(), parent.main());
}

}  // namespace metadb::ingest
