#include "catalog/consistency.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

#include "server/commands/rights.h"
#include "server/commands/run.h"
#include "server/commands/table_work.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::Findings;
using catalog::Table;
using catalog::TableName;

constexpr std::string_view kOneMoment = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

void warn(CommandContext& context, const Findings& findings) {
  for (const catalog::Violation& violation : findings.violations) {
    spdlog::warn("verify consistency: {}: {}", violation.message, violation.detail);
    context.session().notice({.severity = "WARNING",
                              .sqlstate = "01000",
                              .message = violation.message,
                              .detail = violation.detail});
  }
  const auto hidden = findings.total - static_cast<int64_t>(findings.violations.size());
  if (hidden == 0) return;
  context.session().notice({.severity = "WARNING",
                            .sqlstate = "01000",
                            .message = fmt::format("{} more of these are not shown", hidden)});
}

void add(Findings& to, Findings more) {
  std::ranges::move(more.violations, std::back_inserter(to.violations));
  to.total += more.total;
}

// The table in the same moment as its rows; ingest goes on meanwhile.
int64_t check_table(CommandContext& context, const Table& known, const TableName& parent) {
  catalog::Connection& connection = context.connection();
  const TableName name(known.schema, known.current_name);
  Findings findings;
  const auto look = [&] {
    in_patient_transaction(
        context, {known},
        [&] {
          findings = {};
          // Before the moment is chosen: a table that is rewritten later would look empty in it.
          connection.exec(fmt::format("LOCK TABLE {} IN ACCESS SHARE MODE", known.main()));
          const auto tables = catalog::load_tables(connection, name);
          if (tables.empty()) return;
          findings = catalog::check_table(connection, tables[0]);
          if (parent.second.empty()) return;
          for (const Table& root : catalog::load_tables(connection, parent))
            add(findings, catalog::check_roots(connection, tables[0], root));
        },
        kOneMoment);
  };
  try {
    look();
  } catch (const catalog::Error& error) {
    // It was purged since, or has lost a part.
    if (error.sqlstate != "42P01") throw;
    if (catalog::load_tables(connection, name).empty()) return 0;
    findings = {{{fmt::format("table {} is not whole", known.main()), error.message()}}, 1};
  }
  warn(context, findings);
  return findings.total;
}

// What is derived from what; the others have no row here.
std::map<TableName, TableName> parents(catalog::Connection& connection) {
  const catalog::Result rows = connection.exec(
      "SELECT schema_name, table_name, parent_schema_name, parent_table_name FROM "
      "metadb.base_table WHERE transformed");
  std::map<TableName, TableName> out;
  for (int row = 0; row < rows.rows(); ++row) {
    out[{std::string(rows.text(row, 0)), std::string(rows.text(row, 1))}] = {
        std::string(rows.text(row, 2)), std::string(rows.text(row, 3))};
  }
  return out;
}

}  // namespace

Reply run(const ast::VerifyConsistency& /*command*/, CommandContext& context) {
  require_administrator(context, ast::VerifyConsistency::kTag);
  // Whoever looks for what is wrong may have mended it by hand.
  context.catalog().reload(context.connection());
  Findings catalog_findings;
  std::vector<Table> tables;
  std::map<TableName, TableName> derived;
  in_patient_transaction(
      context, {},
      [&] {
        catalog_findings = catalog::check_catalog(context.connection());
        tables = catalog::load_tables(context.connection());
        derived = parents(context.connection());
      },
      kOneMoment);
  warn(context, catalog_findings);
  int64_t total = catalog_findings.total;
  for (const Table& table : tables) {
    const auto parent = derived.find({table.schema, table.current_name});
    total += check_table(context, table, parent == derived.end() ? TableName() : parent->second);
  }
  if (total == 0) return {};
  throw catalog::Error(
      "XX001", fmt::format("consistency check found {} violation{}", total, total == 1 ? "" : "s"))
      .with_detail("Each is told by a warning.");
}

}  // namespace metadb::server
