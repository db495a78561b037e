#include "catalog/log.h"

#include <fmt/format.h>

#include <optional>
#include <set>

#include "catalog/log_partitions.h"

namespace metadb::catalog {
namespace {

constexpr auto kRetryInterval = std::chrono::seconds(2);
// The end of the server waits for the last lines.
constexpr std::string_view kSessionSettings =
    "SET lock_timeout = '5s'; SET statement_timeout = '30s'; SET search_path = pg_catalog";

}  // namespace

void write_log(Connection& connection, const std::deque<LogLine>& lines) {
  Transaction transaction(connection);
  std::set<Month> months;
  for (const LogLine& line : lines) months.insert(month_of(line.time_ms));
  for (const Month& month : months) create_log_partition(connection, month);
  for (const LogLine& line : lines) {
    connection.exec(
        "INSERT INTO metadb.log (log_time, error_severity, message) VALUES "
        "(to_timestamp($1::numeric / 1000), $2, $3)",
        {std::to_string(line.time_ms), line.severity, line.message});
  }
  transaction.commit();
}

LogWriter::LogWriter(std::string conninfo)
    : conninfo_(std::move(conninfo)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

LogWriter::~LogWriter() {
  thread_.request_stop();
  thread_.join();
}

void LogWriter::append(LogLine line) {
  const std::scoped_lock lock(mutex_);
  if (waiting_.size() >= kLinesMax) {
    ++dropped_;
    return;
  }
  waiting_.push_back(std::move(line));
  wake_.notify_one();
}

std::deque<LogLine> LogWriter::take(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, stop, [this] { return !waiting_.empty(); });
  std::deque<LogLine> lines = std::exchange(waiting_, {});
  if (dropped_ > 0 && !lines.empty()) {
    lines.push_back(
        {lines.back().time_ms, "WARNING", fmt::format("{} log lines were dropped here", dropped_)});
    dropped_ = 0;
  }
  return lines;
}

void LogWriter::put_back(std::deque<LogLine> lines) {
  const std::scoped_lock lock(mutex_);
  waiting_.insert(waiting_.begin(), std::make_move_iterator(lines.begin()),
                  std::make_move_iterator(lines.end()));
}

// One line that PostgreSQL refuses (bytes that are no UTF-8) must not hold up all others.
void write_each(Connection& connection, const std::deque<LogLine>& lines) {
  for (const LogLine& line : lines) {
    try {
      write_log(connection, {line});
    } catch (const Error& error) {
      if (!error.sqlstate.starts_with("22")) throw;
      write_log(connection, {{line.time_ms, line.severity,
                              fmt::format("a line that can't be stored ({})", error.sqlstate)}});
    }
  }
}

void LogWriter::run(const std::stop_token& stop) {
  std::optional<Connection> connection;
  for (bool is_last = false; !is_last;) {
    std::deque<LogLine> lines = take(stop);
    is_last = stop.stop_requested();
    if (lines.empty()) continue;
    try {
      if (!connection || !connection->is_ok()) {
        connection.emplace(conninfo_);
        connection->exec(std::string(kSessionSettings));
      }
      try {
        write_log(*connection, lines);
      } catch (const Error& error) {
        if (!error.sqlstate.starts_with("22")) throw;
        write_each(*connection, lines);
      }
    } catch (const Error&) {
      // The lines also went to the log file; the worker that lost PostgreSQL reports why.
      connection.reset();
      put_back(std::move(lines));
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, kRetryInterval, [] { return false; });
    }
  }
}

}  // namespace metadb::catalog
