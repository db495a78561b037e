// A run that the values are at fault for: the one event is found and set aside, its neighbours are
// applied.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <charconv>

#include "ingest/apply.h"
#include "ingest/debezium.h"
#include "ingest/outcome.h"

namespace metadb::ingest {
namespace {

using catalog::Error;

std::optional<std::string> owned(const std::optional<std::string_view>& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(*bytes);
}

// In a CONTEXT of PostgreSQL's, what the source calls the column of the staging table.
std::string with_column_names(const std::string& context, const RowSchema& schema) {
  constexpr std::string_view kBefore = ", column c";
  const size_t found = context.find(kBefore);
  if (found == std::string::npos) return context;
  const size_t begin = found + kBefore.size();
  size_t index = 0;
  const auto [end, error] =
      std::from_chars(context.data() + begin, context.data() + context.size(), index);
  if (error != std::errc() || index >= schema.columns.size()) return context;
  return fmt::format("{} ({}){}", std::string_view(context.data(), end),
                     catalog::quote_identifier(schema.columns[index].name), end);
}

// All that PostgreSQL says: the message alone rarely tells the column, or what is wrong with it.
std::string reason_of(const Error& error, const Run& run) {
  std::string out = fmt::format("{} ({})", error.what(), error.sqlstate);
  if (!error.detail.empty()) out += "; " + error.detail;
  if (!error.context.empty()) {
    out += "; " + (run.schema ? with_column_names(error.context, *run.schema) : error.context);
  }
  if (!error.hint.empty()) out += "; " + error.hint;
  return out;
}

}  // namespace

// First of all: what comes behind them in the batch may have to wait for them.
void Applier::set_undecodable_aside(const Batch& batch) {
  const Stopwatch watch(times_.commit);
  for (const catalog::DeadLetter& letter : batch.dead_letters()) {
    lane_in_hand_ = letter.topic;
    catalog::set_aside(connection_, letter);
    ++outcome_.dead_letters;
    ++outcome_.letters[letter.topic];
    note_open_letter(letter.topic, letter.key.value_or(""));
  }
}

// Throws Misfit if a column's chosen type is what the values do not fit.
void Applier::find_misfit(const Run& run, const ReadyTable& ready) {
  if (!run.schema) return;
  const MergeSql& sql = stage(run, ready);
  const std::vector<MergeSql::Probe> probes = sql.probes();
  if (probes.empty()) return;
  connection_.exec("SAVEPOINT probe; " + sql.truncate_stage());
  const std::string_view rows[] = {run.rows};
  try {
    connection_.copy_binary(sql.copy_stage(), rows);
  } catch (const Error& error) {
    // A value that the type of its own events does not take.
    if (disposition(error) != Disposition::data || !connection_.is_ok()) throw;
    connection_.exec("ROLLBACK TO SAVEPOINT probe; RELEASE SAVEPOINT probe");
    return;
  }
  for (const MergeSql::Probe& probe : probes) {
    try {
      connection_.exec(probe.sql);
    } catch (const Error& error) {
      if (!may_be_refusal(error) || !connection_.is_ok()) throw;
      table_in_hand_ = ready.table;
      throw Misfit(error, probe.column, probe.event_type);
    }
  }
  connection_.exec("ROLLBACK TO SAVEPOINT probe; RELEASE SAVEPOINT probe");
}

// Finds the change that the data error is about. Halves are applied in order, so the outcome for
// the others is that of the whole run.
void Applier::bisect(const Run& run, const ReadyTable& ready, const Error& reason) {
  if (run.changes() == 1) {
    park(run, ready, reason);
    return;
  }
  const size_t middle = run.changes() / 2;
  apply_run(run.slice(0, middle), ready);
  apply_run(run.slice(middle, run.changes()), ready);
}

// The record itself; why it is one, and of which table, is yet to be said.
catalog::DeadLetter Applier::letter_of(const Run& run, size_t change) const {
  const Message& message = run.messages[change];
  catalog::DeadLetter letter{source_name_,
                             std::string(message.topic),
                             message.partition,
                             message.offset,
                             message.timestamp_ms,
                             owned(message.key),
                             owned(message.value),
                             {},
                             {},
                             {},
                             {}};
  if (run.old_key) {
    letter.old_key = run.old_key;
  } else if (const std::string* header = old_key_of(message)) {
    letter.old_key = *header;
  }
  return letter;
}

void Applier::park(const Run& run, const ReadyTable& ready, const Error& reason) {
  const Message& message = run.messages.front();
  const std::string text = reason_of(reason, run);
  if (letter_) {
    outcome_.refusal = Error(reason.sqlstate, text);
    return;
  }
  catalog::DeadLetter letter = letter_of(run, 0);
  letter.sqlstate = reason.sqlstate;
  letter.error = text;
  letter.schema_name = ready.table->schema;
  letter.table_name = ready.table->current_name;
  catalog::set_aside(connection_, letter);
  ++outcome_.dead_letters;
  ++outcome_.letters[std::string(message.topic)];
  note_open_letter(std::string(message.topic), message.key.value_or(""));
  spdlog::warn("data source {}: topic {} partition {} offset {} set aside: {}", source_name_,
               message.topic, message.partition, message.offset, text);
}

}  // namespace metadb::ingest
