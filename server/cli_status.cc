// metadb status.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

#include "catalog/error.h"
#include "catalog/postgres.h"
#include "server/cli.h"
#include "server/data_directory.h"
#include "server/local_session.h"
#include "server/logging.h"
#include "server/pause.h"
#include "server/progress_bar.h"
#include "server/stop_signals.h"

namespace metadb::server {
namespace {

constexpr int kBarWidth = 30;
constexpr size_t kTablesMax = 20;
constexpr std::chrono::seconds kWatchEvery{1};

using Row = std::map<std::string, std::string, std::less<>>;

std::vector<Row> rows_of(const LocalSession::Table& table) {
  std::vector<Row> out;
  for (const auto& cells : table.rows) {
    Row& row = out.emplace_back();
    for (size_t i = 0; i < table.columns.size(); ++i) row[table.columns[i]] = cells[i].value_or("");
  }
  return out;
}

std::optional<int64_t> number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Of a snapshot that is on its way.
std::string progress_of(const Row& row) {
  const auto done = number(row.at("snapshot_rows"));
  const auto of = number(row.at("snapshot_total"));
  if (row.at("source_sync") == "none" || !done) return "";
  if (!of || *of == 0) return fmt::format(", {} rows of the snapshot", *done);
  return fmt::format(", {} {} of {} rows{}", bar_text({*done, *of}, kBarWidth), *done, *of,
                     row.at("remaining").empty() ? "" : ", " + row.at("remaining") + " left");
}

// Tables of a snapshot that have not come whole, those with the most rows first.
void print_tables(LocalSession& session, const std::string& source) {
  std::vector<Row> tables = rows_of(session.run("LIST snapshot_tables"));
  std::erase_if(tables, [&](const Row& row) {
    return row.at("source_name") != source || row.at("is_scanned") == "t";
  });
  std::ranges::stable_sort(tables, std::greater(),
                           [](const Row& row) { return number(row.at("rows")).value_or(0); });
  if (tables.size() > kTablesMax) tables.resize(kTablesMax);
  for (const Row& row : tables) {
    fmt::print(
        "           {}.{}: {}{} rows, {:.1f} MB{}{}\n", row.at("source_schema"),
        row.at("source_table"), row.at("rows"),
        row.at("total").empty() ? "" : " of " + row.at("total"),
        static_cast<double>(number(row.at("bytes")).value_or(0)) / 1e6,
        row.at("rows_per_second").empty() ? "" : ", " + row.at("rows_per_second") + " rows/s",
        row.at("remaining").empty() ? "" : ", " + row.at("remaining") + " left");
  }
}

void print_source(const Row& row) {
  fmt::print("source     {}: {}{}{}, {} events behind, {} events/s\n", row.at("name"),
             row.at("state"),
             row.at("source_sync") == "none" ? "" : " (" + row.at("source_sync") + " sync)",
             progress_of(row), row.at("lag_events"), row.at("events_per_second"));
  if (!row.at("last_error").empty()) fmt::print("           {}\n", row.at("last_error"));
}

void print_server(const RunningServer& server, const DataDirectory& directory) {
  fmt::print("metadb {} in {}\n", server.is_ready ? "runs" : "is starting or stopping",
             directory.path().string());
  fmt::print("process    {}\n", server.pid);
  fmt::print("since      {:%Y-%m-%d %H:%M:%S} UTC\n", server.since);
  for (const std::string& address : server.addresses) fmt::print("listening  {}\n", address);
  fmt::print("database   {}\n", server.database);
}

// What the server says of itself; a server that does not let us ask still runs.
void print_sources(std::unique_ptr<LocalSession>& session, const DataDirectory& directory,
                   const std::stop_token& stop) {
  try {
    if (!session)
      session = LocalSession::with_server(
          directory, [](const Notice&) {}, stop);
    if (!session) return;
    for (const Row& row : rows_of(session->run("LIST status"))) {
      print_source(row);
      if (row.at("state") == "snapshot") print_tables(*session, row.at("name"));
    }
  } catch (const std::exception& error) {
    session.reset();
    fmt::print("sources    unknown: {}\n", error.what());
  }
}

}  // namespace

int status(const StatusOptions& options) {
  start_logging({}, "warning");
  const StopSignals signals(StopSignals::Hangup::stops);
  const DataDirectory directory = DataDirectory::open(options.directory);
  drop_privileges(directory.owner());
  std::unique_ptr<LocalSession> session;
  for (;;) {
    const auto server = running_server(directory);
    if (!server) {
      fmt::print(stderr, "metadb: no server runs in {}\n", directory.path().string());
      return 1;
    }
    if (options.is_watched && isatty(STDOUT_FILENO) != 0) fmt::print("\033[H\033[2J");
    print_server(*server, directory);
    if (server->is_ready) print_sources(session, directory, signals.token());
    std::fflush(stdout);
    if (!options.is_watched) return 0;
    if (!pause_for(kWatchEvery, signals.token())) return 0;
  }
}

}  // namespace metadb::server
