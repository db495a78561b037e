// The command line.
#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>

#include "catalog/error.h"
#include "server/cli.h"
#include "server/demo.h"
#include "server/git_fetch.h"

namespace {

using metadb::server::DemoOptions;
using metadb::server::InitOptions;
using metadb::server::StartOptions;
using metadb::server::StatusOptions;
using metadb::server::SyncOptions;

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

// What the command line says; the chosen subcommand decides which part counts.
struct CommandLine {
  InitOptions init;
  StartOptions start;
  DemoOptions demo;
  StatusOptions status;
  SyncOptions sync;
  std::filesystem::path directory;
  std::string help_on;
};

void add_directory(CLI::App& command, std::filesystem::path& directory) {
  command.add_option("-D,--dir", directory, "Data directory")->required()->type_name("DIR");
}

void add_sync_commands(CLI::App& app, SyncOptions& sync) {
  CLI::App* begin = app.add_subcommand("sync", "Begin a new synchronization of a data source");
  CLI::App* end = app.add_subcommand("endsync", "End the synchronization of a data source");
  for (CLI::App* each : {begin, end}) {
    add_directory(*each, sync.directory);
    each->add_option("--source", sync.source, "Data source")->required()->type_name("NAME");
    each->add_flag("--force", sync.is_forced, "Do not ask before it begins");
  }
  end->add_flag("--force-sweep", sync.is_sweep_forced,
                "Do not ask whether the rows have gone that the snapshot did not confirm, however "
                "many they are");
  end->add_option("--sweep-table", sync.sweep_tables,
                  "End the rows of this table though the snapshot has brought none of it")
      ->type_name("SCHEMA.TABLE")
      ->expected(1)
      ->take_all();
}

void add_commands(CLI::App& app, CommandLine& line) {
  app.require_subcommand(1);
  app.get_formatter()->column_width(28);

  CLI::App* init = app.add_subcommand("init", "Make a data directory");
  add_directory(*init, line.init.directory);
  init->add_option(
          "--database", line.init.conninfo,
          "PostgreSQL to work on: a libpq connection string or URI. Without it metadb runs "
          "a private PostgreSQL in DIR")
      ->type_name("CONNINFO");

  CLI::App* start = app.add_subcommand("start", "Run the server in the foreground");
  add_directory(*start, line.start.directory);
  start
      ->add_option("-l,--log", line.start.log,
                   "Append the log to FILE, not to standard error; SIGHUP opens it again")
      ->type_name("FILE");
  start->add_option("-p,--port", line.start.port, "TCP port (8550)")->type_name("PORT");
  start->add_option("--listen", line.start.listen_addresses, "Address to accept connections on")
      ->type_name("ADDR")
      ->expected(1)
      ->take_all();
  start->add_flag("--debug", line.start.is_debug, "Log more");
  start->add_option("--memlimit", line.start.memory_limit_gib, "Bound on memory in GiB")
      ->type_name("GiB")
      ->check(CLI::Range(0.25, 65536.0));

  add_directory(*app.add_subcommand("stop", "Stop the server; returns when it is gone"),
                line.directory);
  CLI::App* status = app.add_subcommand(
      "status", "Tell whether the server runs, where, and how its data sources get on");
  add_directory(*status, line.status.directory);
  status->add_flag("--watch", line.status.is_watched, "Again every second, until Ctrl-C");
  add_sync_commands(app, line.sync);
  CLI::App* demo =
      app.add_subcommand("demo", "Show the whole path on a recorded topic; needs nothing");
  demo->add_flag("--once", line.demo.is_once, "End after the results, even on a terminal");
  demo->add_option("--broker", line.demo.broker_port,
                   "Open the demo's Kafka broker on this port of 127.0.0.1")
      ->type_name("PORT");
  demo->add_option("-p,--port", line.demo.port, "TCP port of the demo's server (a free one)")
      ->type_name("PORT");
  app.add_subcommand("version", "Print the version");
  // What the server runs to fetch external SQL. In no group, it is in no help.
  app.add_subcommand("fetch-repository", "")->group("");
  app.add_subcommand("help", "Explain the program or one command")
      ->add_option("command", line.help_on, "The command to explain")
      ->type_name("COMMAND");
}

int help(const CLI::App& app, const std::string& command) {
  if (command.empty()) {
    fmt::print("{}", app.help());
    return 0;
  }
  const auto found = app.get_subcommands(
      [&](const CLI::App* candidate) { return candidate->get_name() == command; });
  if (found.empty()) {
    fmt::print(stderr, "metadb: there is no command \"{}\"; see metadb help\n", command);
    return kWrongUsage;
  }
  fmt::print("{}", found.front()->help("metadb"));
  return 0;
}

int run(const CLI::App& app, const CommandLine& line) {
  const std::string command = app.get_subcommands().front()->get_name();
  if (command == "init") return metadb::server::init(line.init);
  if (command == "start") return metadb::server::start(line.start);
  if (command == "stop") return metadb::server::stop(line.directory);
  if (command == "status") return metadb::server::status(line.status);
  if (command == "sync") return metadb::server::sync(line.sync);
  if (command == "endsync") return metadb::server::endsync(line.sync);
  if (command == "demo") return metadb::server::demo(line.demo);
  if (command == "fetch-repository") return metadb::server::fetch_as_child();
  if (command == "help") return help(app, line.help_on);
  fmt::print("metadb {}\n", METADB_VERSION);
  return 0;
}

// Takes a conninfo, which may hold a password, out of what `ps` shows.
void hide(std::string_view secret, int count, char** arguments) {
  if (secret.empty()) return;
  for (int i = 1; i < count; ++i) {
    const size_t at = std::string_view(arguments[i]).find(secret);
    if (at != std::string_view::npos) std::memset(arguments[i] + at, 'x', secret.size());
  }
}

void print(const metadb::catalog::Error& error) {
  fmt::print(stderr, "metadb: {}\n", error.message());
  if (!error.detail.empty()) fmt::print(stderr, "Detail: {}\n", error.detail);
  if (!error.hint.empty()) fmt::print(stderr, "Hint: {}\n", error.hint);
}

}  // namespace

int main(int argc, char** argv) {
  umask(077);  // files may hold passwords or data
  CommandLine line;
  CLI::App app("Tables with history from change events, for SQL", "metadb");
  try {
    add_commands(app, line);
    app.parse(argc, argv);
    hide(line.init.conninfo, argc, argv);
    return run(app, line);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    fmt::print(stderr, "metadb: {}; see metadb --help\n", error.what());
    return kWrongUsage;
  } catch (const metadb::catalog::Error& error) {
    print(error);
  } catch (const std::exception& error) {
    fmt::print(stderr, "metadb: {}\n", error.what());
  }
  return kFailed;
}
