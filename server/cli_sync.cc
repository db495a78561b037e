// metadb sync, metadb endsync.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <iostream>
#include <string>

#include "catalog/error.h"
#include "catalog/postgres.h"
#include "server/cli.h"
#include "server/data_directory.h"
#include "server/local_session.h"
#include "server/logging.h"
#include "server/progress_bar.h"
#include "server/stop_signals.h"

namespace metadb::server {
namespace {

using catalog::Error;

// Only `y` and `yes` are a yes. Throws Error 55000 where nobody can be asked.
bool is_answered_yes(const std::string& question, const std::string& flag,
                     const std::stop_token& stop) {
  if (isatty(STDIN_FILENO) == 0) {
    throw Error("55000",
                fmt::format("{} Nobody can be asked: standard input is no terminal", question))
        .with_hint(fmt::format("Give {} to answer yes.", flag));
  }
  fmt::print("{} [y/N] ", question);
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  if (stop.stop_requested()) return false;
  return answer == "y" || answer == "Y" || answer == "yes";
}

int decline() {
  fmt::print(stderr, "metadb: nothing was changed\n");
  return 1;
}

// Prints what a command tells while it runs.
class Told {
 public:
  void operator()(const Notice& notice) {
    if (bar_.show(notice.message)) return;
    bar_.finish();
    const std::string prefix = notice.severity == "NOTICE" ? "" : notice.severity + ": ";
    fmt::print(stderr, "{}{}\n", prefix, notice.message);
    if (!notice.detail.empty()) fmt::print(stderr, "Detail: {}\n", notice.detail);
    if (!notice.hint.empty()) fmt::print(stderr, "Hint: {}\n", notice.hint);
  }
  void finish() { bar_.finish(); }

 private:
  ProgressBar bar_;
};

// Names as a user types them: S.T, with quotes where SQL needs them.
std::string sweep_clause(const std::vector<std::string>& tables) {
  std::string out;
  for (const std::string& table : tables) out += (out.empty() ? " SWEEP TABLE " : ", ") + table;
  return out;
}

// Once privileges are dropped, asks whether to do it, unless `options` say so, and does it.
int run_if_wanted(const SyncOptions& options, const std::string& question,
                  const std::function<int(LocalSession&, Told&, const std::stop_token&)>& work) {
  start_logging({}, "warning");
  const StopSignals signals(StopSignals::Hangup::stops);
  const DataDirectory directory = DataDirectory::open(options.directory);
  drop_privileges(directory.owner());
  if (!options.is_forced && !is_answered_yes(question, "--force", signals.token()))
    return decline();
  Told told;
  const auto session = LocalSession::open(
      directory, [&](const Notice& notice) { told(notice); }, signals.token());
  return work(*session, told, signals.token());
}

// `run` ends the synchronization, told whether to sweep however many rows have gone. Asks whether
// they have if the server does not do it without a word. False: they have not.
bool end_with_question(const SyncOptions& options, const std::stop_token& stop,
                       const std::function<void(bool is_sweep_forced)>& run) {
  try {
    run(options.is_sweep_forced);
  } catch (const Error& error) {
    const bool is_question = error.sqlstate == "55000" && !options.is_sweep_forced &&
                             error.hint.find("FORCE") != std::string::npos;
    if (!is_question) throw;
    fmt::print(stderr, "{}\n{}\n", error.message(), error.detail);
    if (!is_answered_yes("Is that what has happened in the source: end it all the same?",
                         "--force-sweep", stop)) {
      return false;
    }
    run(true);
  }
  return true;
}

}  // namespace

int sync(const SyncOptions& options) {
  return run_if_wanted(
      options, fmt::format("Begin a new synchronization of data source \"{}\"?", options.source),
      [&](LocalSession& session, Told&, const std::stop_token&) {
        session.run("SYNC DATA SOURCE " + catalog::quote_identifier(options.source));
        return 0;
      });
}

int endsync(const SyncOptions& options) {
  return run_if_wanted(
      options, fmt::format("End the synchronization of data source \"{}\"?", options.source),
      [&](LocalSession& session, Told& told, const std::stop_token& stop) {
        const auto end = [&](bool is_sweep_forced) {
          session.run(
              fmt::format("ENDSYNC DATA SOURCE {}{}{}", catalog::quote_identifier(options.source),
                          is_sweep_forced ? " FORCE" : "", sweep_clause(options.sweep_tables)));
        };
        if (!end_with_question(options, stop, end)) return decline();
        told.finish();
        fmt::print("The synchronization of data source \"{}\" has ended.\n", options.source);
        return 0;
      });
}

}  // namespace metadb::server
