// What the gate in front of the parser costs on SQL that is not ours.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "grammar/classify.h"

namespace {

struct Text {
  const char* name;
  std::string sql;
};

// A list of about ten thousand bytes, as an object-relational mapper writes it.
std::string long_list() {
  constexpr size_t kBytes = 10'000;
  std::string sql = "SELECT id, name FROM patrons WHERE id IN (1000000";
  for (int id = 1'000'001; sql.size() + 2 < kBytes; ++id) sql += ", " + std::to_string(id);
  return sql + ")";
}

const std::array kTexts{
    Text{"short select", "SELECT abalance FROM pgbench_accounts WHERE aid = $1"},
    Text{"long select",
         "SELECT n.nspname as \"Schema\", c.relname as \"Name\", CASE c.relkind WHEN 'r' THEN "
         "'table' "
         "WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' "
         "THEN "
         "'sequence' WHEN 't' THEN 'TOAST table' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN "
         "'partitioned table' WHEN 'I' THEN 'partitioned index' END as \"Type\", "
         "pg_catalog.pg_get_userbyid(c.relowner) as \"Owner\" FROM pg_catalog.pg_class c LEFT JOIN "
         "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN "
         "('r','p','v','m','S',"
         "'f','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND "
         "pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2;"},
    Text{"insert",
         "INSERT INTO loans (id, patron_id, item_id, due) VALUES ($1, $2, $3, $4) RETURNING id"},
    Text{"begin", "BEGIN"},
    Text{"comment, select", "/* report 17, page 4 */ SELECT count(*) FROM loans WHERE due < now()"},
    Text{"select of 10 kB", long_list()},
};

void classify(benchmark::State& state, const std::string& sql) {
  if (metadb::grammar::may_be_ours(sql)) state.SkipWithError("taken for a command of ours");
  for (auto _ : state) {
    benchmark::DoNotOptimize(sql.data());
    benchmark::DoNotOptimize(metadb::grammar::may_be_ours(sql));
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (const Text& text : kTexts) {
    benchmark::RegisterBenchmark(text.name, classify, text.sql);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
