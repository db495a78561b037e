#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "catalog/activity.h"
#include "server/commands/listing.h"

namespace metadb::server {
namespace {

using ingest::SourceState;
using ingest::SourceStatus;
using Value = std::optional<std::string>;

// As PostgreSQL writes a timestamptz in UTC.
std::string timestamp(int64_t us) {
  constexpr int64_t kSecond = 1'000'000;
  const int64_t seconds = us >= 0 ? us / kSecond : (us - kSecond + 1) / kSecond;
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:06}+00",
                     fmt::gmtime(static_cast<std::time_t>(seconds)), us - seconds * kSecond);
}

Value timestamp(const std::optional<int64_t>& us) {
  return us ? Value(timestamp(*us)) : std::nullopt;
}

// The reference's words for what the stream does.
std::string_view stream_of(const std::optional<SourceStatus>& status) {
  if (!status) return "inactive";
  switch (status->state) {
    case SourceState::starting:
      return "starting";
    case SourceState::streaming:
    case SourceState::snapshot:
    case SourceState::snapshot_complete:
      return "active";
    case SourceState::retrying:
    case SourceState::needs_resync:
    case SourceState::lanes_stopped:
      return "error";
    case SourceState::paused:
    case SourceState::waiting:
    case SourceState::stopped:
      return "inactive";
  }
  return "";
}

// The mode that `endsync` ends.
std::string_view sync_of(catalog::SyncMode mode) {
  switch (mode) {
    case catalog::SyncMode::none:
      return "none";
    case catalog::SyncMode::initial:
      return "initial";
    case catalog::SyncMode::resync:
      return "resync";
  }
  return "";
}

struct Trouble {
  Value text;
  Value time;
};

// PostgreSQL answers sooner where all is well.
constexpr int64_t kLongAsked = 5'000'000;

bool is_long_asked(const ingest::Asked& asked, int64_t now_us) {
  return now_us - asked.since_us >= kLongAsked;
}

// What backends do that have not answered for long.
class Backends {
 public:
  Backends(const std::string& conninfo,
           const std::map<std::string, std::optional<SourceStatus>>& all, int64_t now_us)
      : now_us_(now_us) {
    std::vector<int> backends;
    for (const auto& [name, status] : all) {
      if (!status) continue;
      for (const auto* all_of : {&status->asked, &status->builds}) {
        for (const auto& [backend, asked] : *all_of) {
          if (is_long_asked(asked, now_us)) backends.push_back(backend);
        }
      }
    }
    try {
      activity_ = catalog::activity_of(conninfo, backends);
    } catch (const catalog::Error& error) {
      silence_ = error.what();
    }
  }

  // Empty: it has not been long.
  [[nodiscard]] std::string wait(int backend, const ingest::Asked& asked) const {
    if (!is_long_asked(asked, now_us_)) return "";
    std::string text = fmt::format("PostgreSQL has been at {} for {} s: process {}", asked.what,
                                   (now_us_ - asked.since_us) / 1'000'000, backend);
    const auto found = activity_.find(backend);
    if (!silence_.empty()) return text + fmt::format(", nor does it say why ({})", silence_);
    if (found == activity_.end()) return text + ", which it does not know";
    if (!found->second.progress.empty()) text += ", " + found->second.progress;
    if (!found->second.wait.empty()) text += ", waits for " + found->second.wait;
    return text;
  }

 private:
  int64_t now_us_;
  std::map<int, catalog::BackendActivity> activity_;
  std::string silence_;
};

// Why topics are stopped, as long as they are, and what is waited for; else the last error there
// was.
Trouble trouble_of(const SourceStatus& status, const Backends& backends) {
  std::string text;
  int64_t since = 0;
  const auto add = [&](const std::string& more, int64_t since_us) {
    if (more.empty()) return;
    text += (text.empty() ? "" : "\n") + more;
    since = std::max(since, since_us);
  };
  for (const auto& [topic, lane] : status.stopped_lanes)
    add(fmt::format("topic {}: {}", topic, lane.reason), lane.since_us);
  if (status.stopped_lanes.empty()) add(status.wait, status.wait_since_us);
  for (const auto& [backend, asked] : status.builds)
    add(backends.wait(backend, asked), asked.since_us);
  for (const auto& [backend, asked] : status.asked) {
    if (!status.builds.contains(backend)) add(backends.wait(backend, asked), asked.since_us);
  }
  if (!text.empty()) return {text, timestamp(since)};
  if (status.last_error.empty()) return {};
  return {status.last_error, timestamp(status.last_error_us)};
}

// Of the source, or of the first of its topics that stand.
std::optional<int64_t> next_retry_us(const SourceStatus& status) {
  std::optional<int64_t> first = status.next_retry_us;
  for (const auto& [topic, lane] : status.stopped_lanes) {
    if (lane.next_retry_us && (!first || *lane.next_retry_us < *first)) first = lane.next_retry_us;
  }
  return first;
}

// While it synchronizes, of its snapshot; else since the server was started.
Value snapshot_rows(const SourceStatus& status) {
  return std::to_string(status.snapshot ? status.snapshot->rows : status.snapshot_rows);
}

// Known from notifications or from the last synchronization.
Value snapshot_total(const SourceStatus& status) {
  if (!status.snapshot || !status.snapshot->rows_expected) return std::nullopt;
  return std::to_string(*status.snapshot->rows_expected);
}

// Which signal said that it is complete, or what keeps it from being so.
Value snapshot_note(const SourceStatus& status) {
  if (!status.snapshot) return std::nullopt;
  const ingest::SnapshotProgress& snapshot = *status.snapshot;
  if (!snapshot.signal.empty()) return snapshot.signal;
  return snapshot.obstacle.empty() ? std::nullopt : Value(snapshot.obstacle);
}

Value remaining(const SourceStatus& status) {
  return status.snapshot ? interval_of(status.snapshot->seconds_left) : std::nullopt;
}

Value snapshot_bytes(const SourceStatus& status) {
  return status.snapshot ? Value(std::to_string(status.snapshot->bytes)) : std::nullopt;
}

}  // namespace

std::string one_decimal(double value) {
  return fmt::format("{}", std::round(value * 10) / 10);
}

std::optional<std::string> interval_of(const std::optional<int64_t>& seconds) {
  if (!seconds) return std::nullopt;
  const int64_t left = std::max<int64_t>(0, *seconds);
  return fmt::format("{:02}:{:02}:{:02}", left / 3600, left / 60 % 60, left % 60);
}

std::vector<ColumnDescription> status_columns() {
  return {text_column("type"),
          text_column("name"),
          text_column("source_stream"),
          text_column("source_sync"),
          text_column("state"),
          timestamptz_column("since"),
          int8_column("lag_events"),
          float8_column("lag_seconds"),
          float8_column("events_per_second"),
          int8_column("snapshot_rows"),
          int8_column("snapshot_total"),
          text_column("remaining"),
          text_column("last_error"),
          timestamptz_column("last_error_time"),
          timestamptz_column("next_retry"),
          text_column("snapshot_note"),
          int8_column("snapshot_bytes")};
}

Rows status_rows(CommandContext& context) {
  const auto snapshot = context.catalog().snapshot();
  std::map<std::string, std::optional<SourceStatus>> all;
  for (const auto& [name, source] : snapshot->sources) all[name] = context.workers().status(name);
  const Backends backends(context.catalog().options().conninfo, all, ingest::now_us());
  Rows rows;
  for (const auto& [name, source] : snapshot->sources) {
    const std::optional<SourceStatus>& status = all.at(name);
    std::vector<Value> row = {"data_source", name, std::string(stream_of(status)),
                              std::string(sync_of(source.sync))};
    if (!status) {
      row.emplace_back("stopped");
      row.resize(status_columns().size());
    } else {
      const Trouble trouble = trouble_of(*status, backends);
      row.insert(
          row.end(),
          {std::string(ingest::name_of(status->state)), timestamp(status->since_us),
           std::to_string(status->lag_events),
           status->lag_seconds ? Value(one_decimal(*status->lag_seconds)) : std::nullopt,
           one_decimal(status->events_per_second), snapshot_rows(*status), snapshot_total(*status),
           remaining(*status), trouble.text, trouble.time, timestamp(next_retry_us(*status)),
           snapshot_note(*status), snapshot_bytes(*status)});
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace metadb::server
