#include "ingest/stages.h"

#include <fmt/format.h>

#include <algorithm>

namespace metadb::ingest {
namespace {

constexpr size_t kStagesMax = 256;
constexpr std::chrono::hours kIdleMax{1};
// Half of it for tables that are in use all the time.
constexpr std::chrono::minutes kAgeMax{30};
// Rows of work and ended are short, and all tables share them.
constexpr size_t kStagedMax = 1'000;
constexpr size_t kWorkMax = 5'000;

}  // namespace

bool Stages::Content::must_truncate(size_t rows_max, Clock::time_point now) const {
  return rows_since > rows_max || now - emptied >= kAgeMax;
}

Stages::Stages(catalog::Connection& connection) : connection_(connection), work_{0, Clock::now()} {
  for (const std::string& sql : WorkTables::create()) connection_.exec(sql);
}

Stages::Stage& Stages::find(const Key& key) {
  Id id(key.table.get(), key.schema.get(), key.origin);
  const auto found = by_id_.find(id);
  if (found != by_id_.end()) {
    stages_.splice(stages_.begin(), stages_, found->second);
    stages_.front().used = Clock::now();
    return stages_.front();
  }
  if (connection_.in_transaction())
    throw catalog::Error("XX000", "a staging table is missing inside a transaction");
  MergeSql sql(*key.table, *key.schema, {fmt::format("stage_{}", ++made_), key.origin});
  for (const std::string& statement : sql.create_stage()) connection_.exec(statement);
  const Clock::time_point now = Clock::now();
  stages_.push_front({std::move(id), key, std::move(sql), now, {0, now}});
  by_id_[stages_.front().id] = stages_.begin();
  return stages_.front();
}

const MergeSql& Stages::of(const Key& key) {
  return find(key).sql;
}

std::string Stages::empty(const Key& key, size_t changes, Clock::time_point now) {
  Stage& stage = find(key);
  std::string out;
  const auto add = [&](Content& content, size_t rows_max, const std::string& truncate,
                       const std::string& remove) {
    const bool is_anew = content.must_truncate(rows_max, now);
    out += (is_anew ? truncate : remove) + "; ";
    if (is_anew) content = {0, now};
    content.rows_since += changes;
  };
  add(stage.content, kStagedMax, stage.sql.truncate_stage(), stage.sql.remove_staged());
  add(work_, kWorkMax, WorkTables::truncate(), WorkTables::remove());
  return out;
}

void Stages::evict(size_t in_use) {
  while (stages_.size() > std::max(kStagesMax, in_use)) drop_last();
}

void Stages::drop_idle(Clock::time_point now) {
  while (!stages_.empty() && now - stages_.back().used >= kIdleMax) drop_last();
  if (now - work_.emptied < kIdleMax) return;
  connection_.exec(WorkTables::truncate());
  work_ = {0, now};
}

void Stages::drop_last() {
  connection_.exec(stages_.back().sql.drop_stage());
  by_id_.erase(stages_.back().id);
  stages_.pop_back();
}

}  // namespace metadb::ingest
