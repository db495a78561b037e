#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "catalog/json_mappings.h"
#include "server/commands/data_source_notices.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::Error;
using catalog::JsonMapping;
using catalog::JsonPath;

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

std::shared_ptr<const catalog::Table> managed(const ast::QualifiedName& name,
                                              const catalog::Snapshot& snapshot) {
  const std::string& main = name.name.text;
  if (!main.ends_with(kMainSuffix)) return nullptr;
  const auto found =
      snapshot.tables.find({name.schema.text, main.substr(0, main.size() - kMainSuffix.size())});
  if (found == snapshot.tables.end() || found->second->main_name != main) return nullptr;
  return found->second;
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

bool may_hold_json(const catalog::Column& column) {
  return column.type == catalog::PgType::json || column.type == catalog::PgType::jsonb ||
         column.type == catalog::PgType::text;
}

void check_column(const catalog::Table& table, const ast::Name& name) {
  const catalog::Column* column = table.column(name.text);
  if (column == nullptr) {
    throw Error("42703", fmt::format("column \"{}\" of table \"{}.{}\" does not exist", name.text,
                                     table.schema, table.main_name))
        .with_position(name.position);
  }
  if (may_hold_json(*column)) return;
  throw Error("42804", fmt::format("column \"{}\" of table \"{}.{}\" is of type {}", name.text,
                                   table.schema, table.main_name, column->type_name))
      .with_detail("JSON documents are in columns of type json, jsonb and text.")
      .with_position(name.position);
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

void warn_of_no_effect(const Context& session) {
  session.notice(
      warning("data mappings are stored and have no effect yet: this version of Metadb "
              "does not transform JSON"));
}

// Paths below a dropped one stay and work no more.
void warn_of_children(const JsonMapping& dropped, const JsonPath& path, CommandContext& context) {
  std::string list;
  const auto snapshot = context.catalog().snapshot();
  for (const JsonMapping& one : snapshot->json_mappings) {
    if (!is_of_one_column(one, dropped)) continue;
    const JsonPath below = catalog::parse_json_path(one.path);
    const bool is_below =
        below.size() > path.size() && std::equal(path.begin(), path.end(), below.begin());
    if (is_below) list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", one.path);
  }
  if (list.empty()) return;
  context.session().notice(warning("paths below the dropped one have no effect without it",
                                   fmt::format("Still mapped: {}.", list)));
}

// What is read before the commit cannot fail after it.
void commit_and_publish(CommandContext& context, catalog::Transaction& transaction) {
  auto mappings = catalog::load_json_mappings(context.connection());
  transaction.commit();
  context.catalog().publish(
      [&](catalog::Snapshot& next) { next.json_mappings = std::move(mappings); });
}

}  // namespace

Reply run(const ast::CreateDataMapping& command, CommandContext& context) {
  require_administrator(context, ast::CreateDataMapping::kTag);
  const JsonPath path = located(command.path, catalog::parse_json_path);
  located(command.target_identifier, catalog::check_mapping_id);
  if (command.is_backfill) {
    throw Error("0A000", "CREATE DATA MAPPING ... BACKFILL is not implemented yet")
        .with_hint("Without BACKFILL the mapping is stored.");
  }
  const auto table = managed(command.table, *context.catalog().snapshot());
  if (!table) refuse_table(command.table, context);
  check_column(*table, command.column);
  const JsonMapping mapping{table->schema, table->current_name, command.column.text,
                            catalog::json_path_text(path), command.target_identifier.text};
  const Turns::Turn turn = context.turns().take(context.session().stop());
  catalog::Transaction transaction(context.connection());
  catalog::insert_json_mapping(context.connection(), mapping);
  commit_and_publish(context, transaction);
  spdlog::info("path {} of column {} of {} mapped to {} by {}", mapping.path, mapping.column_name,
               table->main(), mapping.id, context.session().caller.user);
  warn_of_no_effect(context.session());
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
  const Turns::Turn turn = context.turns().take(context.session().stop());
  catalog::Transaction transaction(context.connection());
  catalog::delete_json_mapping(context.connection(), mapping);
  commit_and_publish(context, transaction);
  spdlog::info("path {} of column {} of {}.{} no longer mapped, by {}", mapping.path,
               mapping.column_name, mapping.schema_name, command.table.name.text,
               context.session().caller.user);
  warn_of_no_effect(context.session());
  warn_of_children(mapping, path, context);
  return {};
}

}  // namespace metadb::server
