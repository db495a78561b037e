#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "catalog/settings.h"
#include "server/commands/listing.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"

namespace metadb::server {
namespace {

using catalog::Error;

Rows config_rows(CommandContext& context) {
  const auto snapshot = context.catalog().snapshot();
  Rows rows;
  for (const catalog::SettingRow& row : catalog::setting_rows()) {
    rows.push_back({std::string(row.name),
                    catalog::shown_setting(snapshot->settings.find(row.name)->second),
                    std::string(row.default_value), std::string(row.description)});
  }
  return rows;
}

Rows data_origins_rows(CommandContext& context) {
  return rows_of(context.connection().exec("SELECT name FROM metadb.origin ORDER BY name"));
}

Rows data_mappings_rows(CommandContext& context) {
  return rows_of(context.connection().exec(
      "SELECT 'json', schema_name || '.' || table_name || '__', column_name, path, map"
      " FROM metadb.transform_json ORDER BY schema_name, table_name, column_name, path"));
}

Rows authorizations_rows(CommandContext& context) {
  return rows_of(context.connection().exec(
      "SELECT a.user_name, quote_ident(a.schema_name) || '.'"
      "   || CASE a.object_type WHEN 't' THEN quote_ident(a.object_name) ELSE a.object_name END,"
      " CASE a.privilege WHEN 'a' THEN 'access' ELSE a.privilege END,"
      " CASE a.object_type WHEN 't' THEN 'table' ELSE 'function' END,"
      " EXISTS (SELECT FROM metadb.access p WHERE p.user_name = a.user_name"
      "   AND p.schema_name = a.schema_name AND p.object_name = a.object_name"
      "   AND p.object_type = a.object_type) FROM metadb.acl a"
      " UNION ALL SELECT user_name, 'all', 'access', 'all', true FROM metadb.acl_all"
      " ORDER BY 1, 2, 3, 4"));
}

Rows users_rows(CommandContext& context) {
  return rows_of(context.connection().exec(
      "SELECT u.username, u.comment, r.rolcanlogin, l.user_name IS NOT NULL, n.nspname"
      " FROM metadb.auth u LEFT JOIN pg_roles r ON r.rolname = u.username"
      " LEFT JOIN metadb.acl_all l ON l.user_name = u.username"
      " LEFT JOIN pg_namespace n ON n.nspname = u.username"
      "   AND has_schema_privilege(r.oid, n.oid, 'CREATE') ORDER BY u.username"));
}

std::vector<Listing> make_listings() {
  constexpr Audience kAdministrators = Audience::administrators;
  return {
      {"authorizations",
       kAdministrators,
       {text_column("username"), text_column("object"), text_column("privilege"),
        text_column("object_type"), boolean_column("is_present")},
       &authorizations_rows},
      {"config",
       kAdministrators,
       {text_column("parameter"), text_column("value"), text_column("default"),
        text_column("description")},
       &config_rows},
      {"data_mappings",
       kAdministrators,
       {text_column("mapping_type"), text_column("table_name"), text_column("column_name"),
        text_column("object_path"), text_column("target_identifier")},
       &data_mappings_rows},
      {"data_origins", kAdministrators, {text_column("name")}, &data_origins_rows},
      {"data_sources", kAdministrators, data_sources_columns(), &data_sources_rows},
      {"dead_letters",
       kAdministrators,
       {int8_column("id"), text_column("source_name"), text_column("topic"), int4_column("part"),
        int8_column("offset"), timestamptz_column("record_time"), text_column("sqlstate"),
        text_column("error"), text_column("schema_name"), text_column("table_name"),
        timestamptz_column("set_aside"), int8_column("follows")},
       &dead_letters_rows},
      {"external_sql", kAdministrators, external_sql_columns(), &external_sql_rows},
      {"snapshot_tables", Audience::registered_users, snapshot_tables_columns(),
       &snapshot_tables_rows},
      {"status", Audience::registered_users, status_columns(), &status_rows},
      {"tables",
       kAdministrators,
       {text_column("schema_name"), text_column("table_name"), text_column("source_name"),
        int8_column("row_estimate"), int8_column("size_bytes"), timestamptz_column("last_update"),
        float8_column("source_lag_seconds"), int8_column("unresolved")},
       &tables_rows},
      {"topics", kAdministrators, topics_columns(), &topics_rows},
      {"users",
       kAdministrators,
       {text_column("username"), text_column("comment"), boolean_column("can_login"),
        boolean_column("access_on_all"), text_column("workspace")},
       &users_rows},
  };
}

Error unknown(const grammar::ast::Name& name) {
  std::vector<std::string_view> names;
  for (const Listing& listing : listings()) {
    if (listing.rows != nullptr) names.push_back(listing.name);
  }
  return Error("42704", fmt::format("there is nothing to list under the name \"{}\"", name.text))
      .with_hint(fmt::format("Valid names are: {}.", fmt::join(names, ", ")))
      .with_position(name.position);
}

}  // namespace

std::span<const Listing> listings() {
  static const std::vector<Listing> all = make_listings();
  return all;
}

Rows rows_of(const catalog::Result& result) {
  Rows rows(static_cast<size_t>(result.rows()));
  for (int row = 0; row < result.rows(); ++row) {
    for (int column = 0; column < result.columns(); ++column) {
      rows[static_cast<size_t>(row)].push_back(result.optional_text(row, column));
    }
  }
  return rows;
}

const Listing* listing_named(std::string_view name) {
  const auto found = std::ranges::find(listings(), name, &Listing::name);
  return found == listings().end() ? nullptr : &*found;
}

ColumnDescription text_column(std::string_view name) {
  return {std::string(name), 25, -1};
}
ColumnDescription int4_column(std::string_view name) {
  return {std::string(name), 23, 4};
}
ColumnDescription int8_column(std::string_view name) {
  return {std::string(name), 20, 8};
}
ColumnDescription float8_column(std::string_view name) {
  return {std::string(name), 701, 8};
}
ColumnDescription boolean_column(std::string_view name) {
  return {std::string(name), 16, 1};
}
ColumnDescription timestamptz_column(std::string_view name) {
  return {std::string(name), 1184, 8};
}

// The most that is shown of a table which has no bound of its own.
constexpr int kDeadLettersShown = 1000;

Rows dead_letters_rows(CommandContext& context) {
  catalog::Connection& connection = context.connection();
  Rows rows = rows_of(connection.exec(fmt::format(
      "SELECT id, source_name, topic, part, \"offset\", record_time, sqlstate, error, schema_name,"
      " table_name, set_aside, follows FROM metadb.dead_letter ORDER BY id DESC LIMIT {}",
      kDeadLettersShown + 1)));
  if (rows.size() > kDeadLettersShown) {
    rows.pop_back();
    context.session().notice(
        {.message = fmt::format("only the newest {} dead letters are shown", kDeadLettersShown),
         .hint = "The table metadb.dead_letter has them all."});
  }
  return rows;
}

// Estimates, as of the last VACUUM or ANALYZE: looking at the tables themselves would lock them.
// What is unresolved is counted: there is little of it.
Rows tables_rows(CommandContext& context) {
  Rows rows = rows_of(context.connection().exec(
      "WITH RECURSIVE main AS ("
      "  SELECT b.schema_name, b.table_name, b.source_name, c.reltuples, i.inhparent AS oid"
      "  FROM metadb.base_table b JOIN pg_namespace n ON n.nspname = b.schema_name"
      "  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = b.table_name"
      "  JOIN pg_inherits i ON i.inhrelid = c.oid"
      "), part AS ("
      "  SELECT oid AS main, oid FROM main"
      "  UNION ALL SELECT p.main, i.inhrelid FROM part p JOIN pg_inherits i ON i.inhparent = p.oid"
      "), pages AS ("
      "  SELECT p.main, c.relpages::bigint"
      "    + coalesce((SELECT sum(t.relpages) FROM pg_class t WHERE t.oid = c.reltoastrelid), 0)"
      "    + coalesce((SELECT sum(x.relpages) FROM pg_index i JOIN pg_class x"
      "        ON x.oid = i.indexrelid WHERE i.indrelid IN (c.oid, c.reltoastrelid)), 0) AS pages"
      "  FROM part p JOIN pg_class c ON c.oid = p.oid"
      "), size AS ("
      "  SELECT main, sum(pages) * current_setting('block_size')::bigint AS bytes"
      "  FROM pages GROUP BY main"
      "), unresolved AS ("
      "  SELECT schema_name, table_name, count(*) FROM metadb.unresolved GROUP BY 1, 2"
      ")"
      "SELECT m.schema_name, m.table_name, m.source_name,"
      "  nullif(m.reltuples, -1)::bigint, s.bytes::bigint, u.last_update, coalesce(n.count, 0)"
      "  FROM main m JOIN size s ON s.main = m.oid"
      "  LEFT JOIN metadb.table_update u USING (schema_name, table_name)"
      "  LEFT JOIN unresolved n USING (schema_name, table_name)"
      "  ORDER BY m.schema_name, m.table_name"));
  for (auto& row : rows) {
    const auto status = context.workers().status(row[2].value_or(""));
    const auto lag = status ? status->lag_seconds : std::nullopt;
    row.insert(row.end() - 1, lag ? std::optional(fmt::format("{}", *lag)) : std::nullopt);
  }
  return rows;
}

Reply run(const grammar::ast::List& command, CommandContext& context) {
  const Listing* listing = listing_named(command.name.text);
  if (listing == nullptr) throw unknown(command.name);
  const std::string what = fmt::format("LIST {}", listing->name);
  if (listing->audience == Audience::registered_users) {
    require_registered(context, what);
  } else {
    require_administrator(context, what);
  }
  if (listing->rows == nullptr)
    throw Error("0A000", fmt::format("{} is not implemented yet", what));
  Reply reply;
  reply.columns = listing->columns;
  reply.rows = listing->rows(context);
  return reply;
}

}  // namespace metadb::server
