// Truncates: every current row of an origin ends.
#include "ingest/apply.h"

namespace metadb::ingest {

void Applier::truncate(const Run& run, const ReadyTable& ready) {
  const Stopwatch watch(times_.merge);
  const int64_t at_us = run.times_us.front();
  const catalog::Table& table = *ready.table;
  queue(std::string(Plans::kWholeTable));
  if (children_.has(ready)) connection_.exec(queued_with(""));
  children_.truncate(ready, at_us, run.spares_newer);
  if (run.spares_newer) {
    for (const int year : table.years) {
      if (year <= utc_year(at_us))
        queue(MergeSql::cut_older(table.leaf(year), ready.origin, at_us));
    }
  }
  const catalog::Result ended = connection_.exec(
      queued_with(run.spares_newer ? MergeSql::end_older(table, ready.origin, at_us)
                                   : MergeSql::end_all(table, ready.origin, at_us)));
  queue(std::string(Plans::kByIndex));
  if (!ended.is_null(0, 1)) raise_last_end(ready, ended.int64(0, 1));
}

}  // namespace metadb::ingest
