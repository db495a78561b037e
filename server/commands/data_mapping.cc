#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "catalog/json_mappings.h"
#include "catalog/transformed_tables.h"
#include "ingest/backfill.h"
#include "ingest/child_shaper.h"
#include "server/commands/data_source_notices.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"
#include "server/commands/table_work.h"
#include "server/commands/waiting.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::Error;
using catalog::JsonMapping;
using catalog::JsonPath;
using catalog::Table;

constexpr std::string_view kMainSuffix = "__";

// What `check` throws is about the text.
template <class Check>
auto located(const ast::Text& text, const Check& check) {
  try {
    return check(text.text);
  } catch (Error& error) {
    error.position = text.position;
    throw;
  }
}

std::string named(const ast::QualifiedName& name) {
  return fmt::format("{}.{}", name.schema.text, name.name.text);
}

catalog::TableName table_name(const JsonMapping& mapping) {
  return {mapping.schema_name, mapping.table_name};
}

[[noreturn]] void refuse_table(const ast::QualifiedName& name, CommandContext& context) {
  const bool is_there = !context.connection()
                             .exec("SELECT to_regclass($1)",
                                   {catalog::quote_qualified(name.schema.text, name.name.text)})
                             .is_null(0, 0);
  if (is_there) {
    throw Error("42809", fmt::format("\"{}\" is not a main table of a data source", named(name)))
        .with_hint("Name the main table, which ends in __.")
        .with_position(name.schema.position);
  }
  throw Error("42P01", fmt::format("table \"{}\" does not exist", named(name)))
      .with_position(name.schema.position);
}

void check_column(const Table& table, const ast::Name& name) {
  const catalog::Column* column = table.column(name.text);
  if (column == nullptr) {
    throw Error("42703", fmt::format("column \"{}\" of table \"{}.{}\" does not exist", name.text,
                                     table.schema, table.main_name))
        .with_position(name.position);
  }
  if (catalog::may_hold_json(*column)) return;
  throw Error("42804", fmt::format("column \"{}\" of table \"{}.{}\" is of type {}", name.text,
                                   table.schema, table.main_name, column->type_name))
      .with_detail("JSON documents are in columns of type json, jsonb and text.")
      .with_position(name.position);
}

void check_table(const Table& table, const ast::QualifiedName& name) {
  if (table.is_transformed) {
    throw Error("42809", fmt::format("\"{}\" is a transformed table", named(name)))
        .with_hint("Map the paths of the documents in the table that it is made of.")
        .with_position(name.schema.position);
  }
  if (!table.key_columns.empty()) return;
  throw Error("55000", fmt::format("table \"{}\" has no key", named(name)))
      .with_detail("Rows of transformed tables name the record that they belong to by its key.")
      .with_position(name.schema.position);
}

// The table that the mapping makes if arrays are found at its path must not be somebody else's.
void check_target(const Table& table, const ast::CreateDataMapping& command,
                  CommandContext& context) {
  const ingest::TableNames names = ingest::child_names(table, command.target_identifier.text);
  const auto snapshot = context.catalog().snapshot();
  const auto found = snapshot->tables.find({table.schema, names.current});
  if (found != snapshot->tables.end()) {
    const bool is_own =
        found->second->parent == catalog::TableName(table.schema, table.current_name);
    const bool is_fed = std::ranges::any_of(snapshot->source_tables, [&](const auto& pair) {
      return pair.second.schema_name == table.schema && pair.second.table_name == names.current;
    });
    if (is_own || (!is_fed && !found->second->is_transformed)) return;
  } else {
    const auto there =
        context.connection().exec("SELECT coalesce(to_regclass($1), to_regclass($2)) IS NULL",
                                  {catalog::quote_qualified(table.schema, names.current),
                                   catalog::quote_qualified(table.schema, names.main)});
    if (there.boolean(0, 0)) return;
  }
  throw Error("42P07",
              fmt::format("table \"{}.{}\" belongs to somebody else", table.schema, names.current))
      .with_detail("The mapping would make a table of that name.")
      .with_hint("Choose another target identifier.")
      .with_position(command.target_identifier.position);
}

bool is_of_one_column(const JsonMapping& a, const JsonMapping& b) {
  return a.schema_name == b.schema_name && a.table_name == b.table_name &&
         a.column_name == b.column_name;
}

// The paths above `path` that nothing maps, the outermost first.
std::vector<std::string> unmapped_parents(const JsonMapping& mapping, JsonPath path,
                                          const catalog::Snapshot& snapshot) {
  std::vector<std::string> out;
  while (!path.empty()) {
    path.pop_back();
    const std::string parent = catalog::json_path_text(path);
    const bool is_mapped = std::ranges::any_of(snapshot.json_mappings, [&](const JsonMapping& one) {
      return is_of_one_column(one, mapping) && one.path == parent;
    });
    if (!is_mapped) out.insert(out.begin(), parent);
  }
  return out;
}

void warn_of_parents(const JsonMapping& mapping, const JsonPath& path, CommandContext& context) {
  const auto parents = unmapped_parents(mapping, path, *context.catalog().snapshot());
  if (parents.empty()) return;
  std::string list;
  for (const std::string& parent : parents)
    list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", parent);
  context.session().notice(warning(
      fmt::format("path \"{}\" has no effect until its parents are mapped too", mapping.path),
      fmt::format("Not mapped: {}.", list)));
}

// Those of the documents' column that are at the path or below it.
std::vector<JsonMapping> at_or_below(CommandContext& context, const JsonMapping& mapping,
                                     const JsonPath& path) {
  std::vector<JsonMapping> out;
  for (const JsonMapping& one : catalog::load_json_mappings(context.connection())) {
    if (!is_of_one_column(one, mapping)) continue;
    const JsonPath other = catalog::parse_json_path(one.path);
    const bool is_below =
        other.size() >= path.size() && std::equal(path.begin(), path.end(), other.begin());
    if (is_below) out.push_back(one);
  }
  return out;
}

// Paths below a dropped one stay and work no more.
void warn_of_children(const JsonMapping& dropped, const JsonPath& path, CommandContext& context) {
  std::string list;
  for (const JsonMapping& one : at_or_below(context, dropped, path))
    list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", one.path);
  if (list.empty()) return;
  context.session().notice(warning("paths below the dropped one have no effect without it",
                                   fmt::format("Still mapped: {}.", list)));
}

bool is_same(const JsonMapping& a, const JsonMapping& b) {
  return is_of_one_column(a, b) && a.path == b.path;
}

// The table and what is derived from it, kept away from ingest and other commands.
catalog::StreamLock hold_family(CommandContext& context, const catalog::TableName& table) {
  std::vector<catalog::TableName> family = catalog::derived_from(context.connection(), table);
  family.push_back(table);
  return hold_streams(context, family);
}

// Makes the mapping, or that it is no more, known together with a table that no batch knows yet.
void publish(CommandContext& context, const JsonMapping& mapping, bool is_there,
             const std::vector<Table>& tables) {
  context.catalog().publish([&](catalog::Snapshot& next) {
    std::erase_if(next.json_mappings,
                  [&](const JsonMapping& one) { return is_same(one, mapping); });
    if (is_there) next.json_mappings.push_back(mapping);
    for (const Table& table : tables)
      next.tables[{table.schema, table.current_name}] = std::make_shared<const Table>(table);
  });
}

Table revised(catalog::Connection& connection, const Table& table) {
  catalog::revise(connection, table);
  return catalog::load_tables(connection, catalog::TableName(table.schema, table.current_name))
      .at(0);
}

void insert(CommandContext& context, const JsonMapping& mapping, const Table& table) {
  catalog::Transaction transaction(context.connection());
  catalog::insert_json_mapping(context.connection(), mapping);
  const Table changed = revised(context.connection(), table);
  transaction.commit();
  publish(context, mapping, true, {changed});
}

// What the mapping and those below it have made ends, in their own tables and in the columns that
// their objects have in the tables of arrays above.
std::vector<Table> end_rows(CommandContext& context, const Table& parent,
                            const std::vector<JsonMapping>& dropped) {
  catalog::Connection& connection = context.connection();
  const catalog::TableName name(parent.schema, parent.current_name);
  const auto year =
      connection.exec("SELECT extract(year FROM now() AT TIME ZONE 'UTC')::int").int64(0, 0);
  std::vector<Table> out;
  for (const catalog::TableName& derived : catalog::derived_from(connection, name)) {
    const auto found = catalog::load_tables(connection, derived);
    if (found.empty()) continue;  // somebody has dropped it
    const Table& table = found.front();
    const bool is_own = std::ranges::any_of(dropped, [&](const JsonMapping& one) {
      return ingest::child_names(parent, one.id).current == table.current_name;
    });
    std::vector<std::string> columns;
    for (const JsonMapping& one : dropped) {
      for (const std::string& column : ingest::columns_of_object(table, one.id))
        columns.push_back(column);
    }
    if (!table.years.contains(static_cast<int>(year)))
      catalog::add_year(connection, table, static_cast<int>(year));
    const int64_t ended = is_own ? catalog::end_rows_now(connection, table)
                                 : catalog::empty_columns_now(connection, table, columns);
    if (ended > 0) catalog::record_updates(connection, {derived});
    out.push_back(catalog::load_tables(connection, derived).at(0));
  }
  catalog::raise_last_end_to_now(connection, name);
  return out;
}

void remove(CommandContext& context, const JsonMapping& mapping,
            const std::vector<JsonMapping>& dropped) {
  const auto found = catalog::load_tables(context.connection(), table_name(mapping));
  std::vector<Table> changed;
  in_patient_transaction(context, found, [&] {
    changed.clear();
    catalog::delete_json_mapping(context.connection(), mapping);
    if (found.empty()) return;
    changed = end_rows(context, found.front(), dropped);
    changed.push_back(revised(context.connection(), found.front()));
  });
  publish(context, mapping, false, changed);
}

void backfill(CommandContext& context, const JsonMapping& mapping) {
  const Waiting waiting(context.session(), context.connection());
  ingest::backfill(context.catalog(), context.connection(), table_name(mapping),
                   mapping.column_name, [&] { context.session().check_stop(); });
}

// The mapping is there for all to see before its rows are. Where these cannot be had it goes again,
// whatever was asked of the command meanwhile.
void insert_and_backfill(CommandContext& context, const JsonMapping& mapping, const Table& table) {
  insert(context, mapping, table);
  try {
    backfill(context, mapping);
  } catch (const std::exception& error) {
    spdlog::warn("path {} of {} is not mapped after all: {}", mapping.path, table.main(),
                 error.what());
    catalog::Connection connection = context.catalog().connect();
    catalog::Transaction transaction(connection);
    catalog::delete_json_mapping(connection, mapping);
    const Table changed = revised(connection, table);
    transaction.commit();
    publish(context, mapping, false, {changed});
    throw;
  }
}

}  // namespace

Reply run(const ast::CreateDataMapping& command, CommandContext& context) {
  require_administrator(context, ast::CreateDataMapping::kTag);
  const JsonPath path = located(command.path, catalog::parse_json_path);
  located(command.target_identifier, catalog::check_mapping_id);
  const std::string& main = command.table.name.text;
  if (!main.ends_with(kMainSuffix)) refuse_table(command.table, context);
  const JsonMapping mapping{command.table.schema.text,
                            main.substr(0, main.size() - kMainSuffix.size()), command.column.text,
                            catalog::json_path_text(path), command.target_identifier.text};
  if (!context.catalog().snapshot()->tables.contains(table_name(mapping)))
    refuse_table(command.table, context);
  const catalog::StreamLock lock = hold_family(context, table_name(mapping));
  const Table table = load_managed(context, command.table);
  check_table(table, command.table);
  check_column(table, command.column);
  check_target(table, command, context);
  if (command.is_backfill) {
    insert_and_backfill(context, mapping, table);
  } else {
    insert(context, mapping, table);
  }
  spdlog::info("path {} of column {} of {} mapped to {} by {}", mapping.path, mapping.column_name,
               table.main(), mapping.id, context.session().caller.user);
  warn_of_parents(mapping, path, context);
  return {};
}

// Also of a table that is gone: its rules may have stayed behind.
Reply run(const ast::DropDataMapping& command, CommandContext& context) {
  require_administrator(context, ast::DropDataMapping::kTag);
  const JsonPath path = located(command.path, catalog::parse_json_path);
  std::string table = command.table.name.text;
  if (!table.ends_with(kMainSuffix)) refuse_table(command.table, context);
  table.erase(table.size() - kMainSuffix.size());
  const JsonMapping mapping{command.table.schema.text, table, command.column.text,
                            catalog::json_path_text(path), ""};
  const catalog::StreamLock lock = hold_family(context, table_name(mapping));
  remove(context, mapping, at_or_below(context, mapping, path));
  spdlog::info("path {} of column {} of {}.{} no longer mapped, by {}", mapping.path,
               mapping.column_name, mapping.schema_name, command.table.name.text,
               context.session().caller.user);
  warn_of_children(mapping, path, context);
  return {};
}

}  // namespace metadb::server
