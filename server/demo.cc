#include "server/demo.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "catalog/postgres.h"
#include "ingest/demo_broker.h"
#include "server/data_directory.h"
#include "server/demo_recording.h"
#include "server/embedded_postgres.h"
#include "server/engine.h"
#include "server/logging.h"
#include "server/stop_signals.h"

namespace metadb::server {
namespace {

namespace fs = std::filesystem;
using ingest::RecordedMessage;

constexpr std::chrono::seconds kCatchUpMax{60};
constexpr std::chrono::milliseconds kLiveChangePause{500};

// A directory under /tmp that goes when the demo ends.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = "/tmp/metadb-demo-XXXXXX";
    if (mkdtemp(name.data()) == nullptr)
      throw catalog::Error("58030", "no directory could be made in /tmp");
    path_ = name;
    // The private PostgreSQL runs as another user if we are root; what it needs lies one level
    // down.
    fs::permissions(path_, fs::perms::owner_all | fs::perms::others_exec | fs::perms::group_exec);
  }
  ~TemporaryDirectory() {
    std::error_code ignored;  // nothing is left to do about it
    fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// The recording in its two parts: what the connector read first, and what changed afterwards.
struct Recording {
  std::vector<RecordedMessage> snapshot;
  std::vector<RecordedMessage> live;
  std::vector<std::string> topics;
};

bool is_snapshot_record(const RecordedMessage& message) {
  return message.value && message.value->find("\"op\":\"r\"") != std::string::npos;
}

Recording load_recording() {
  Recording out;
  std::set<std::string> topics;
  for (RecordedMessage& message :
       ingest::parse_recording(demo_recording(), "the recording of the demo")) {
    topics.insert(message.topic);
    std::vector<RecordedMessage>& part = is_snapshot_record(message) ? out.snapshot : out.live;
    part.push_back(std::move(message));
  }
  out.topics.assign(topics.begin(), topics.end());
  return out;
}

void print_result(catalog::Connection& connection, const std::string& sql) {
  fmt::print("\nmetadb=> {};\n", sql);
  const catalog::Result result = connection.exec(sql);
  std::vector<size_t> widths;
  for (int column = 0; column < result.columns(); ++column) {
    size_t width = result.column_name(column).size();
    for (int row = 0; row < result.rows(); ++row)
      width = std::max(width, result.text(row, column).size());
    widths.push_back(width);
  }
  std::string head;
  std::string rule;
  for (int column = 0; column < result.columns(); ++column) {
    const size_t width = widths[static_cast<size_t>(column)];
    head += fmt::format("{} {:<{}} ", column == 0 ? "" : "|", result.column_name(column), width);
    rule += fmt::format("{}{:-<{}}", column == 0 ? "" : "+", "", width + 2);
  }
  fmt::print("{}\n{}\n", head, rule);
  for (int row = 0; row < result.rows(); ++row) {
    std::string line;
    for (int column = 0; column < result.columns(); ++column) {
      line += fmt::format("{} {:<{}} ", column == 0 ? "" : "|", result.text(row, column),
                          widths[static_cast<size_t>(column)]);
    }
    fmt::print("{}\n", line);
  }
  fmt::print("({} {})\n", result.rows(), result.rows() == 1 ? "row" : "rows");
}

class Demo {
 public:
  Demo(const DemoOptions& options, std::stop_token stop)
      : options_(options),
        stop_(std::move(stop)),
        recording_(load_recording()),
        directory_(DataDirectory::create(temporary_.path() / "data")),
        postgres_(directory_, Config().max_connections),
        broker_(options.broker_port.value_or(0)) {}

  int run(bool stays_up) {
    if (!start()) return 0;
    broker_.produce(recording_.snapshot);
    fmt::print("\nmetadb=> {};\n", create_command());
    std::fflush(stdout);
    clients().exec(create_command());
    fmt::print("CREATE DATA SOURCE\n");
    if (!wait_until_applied(recording_.snapshot)) return 0;
    // On a terminal half of the changes are left to be watched.
    const size_t shown = stays_up ? recording_.live.size() / 2 : recording_.live.size();
    const std::vector<RecordedMessage> changes(
        recording_.live.begin(), recording_.live.begin() + static_cast<ptrdiff_t>(shown));
    broker_.produce(changes);
    std::vector<RecordedMessage> all = recording_.snapshot;
    all.insert(all.end(), changes.begin(), changes.end());
    if (!wait_until_applied(all)) return 0;
    show();
    print_how_to_go_on(stays_up);
    if (stays_up) {
      play_live(shown);
      wait_for_stop();
    }
    engine_->stop();
    postgres_.stop();
    return 0;
  }

 private:
  // False: stop was requested meanwhile.
  bool start() {
    fmt::print("Starting a private PostgreSQL, a Kafka broker and metadb in {} ...\n",
               temporary_.path().string());
    std::fflush(stdout);
    postgres_.create(stop_);
    if (!postgres_.start(stop_)) return false;
    broker_.create_topics(recording_.topics);
    EngineOptions options;
    options.config.port = options_.port.value_or(0);
    options.database = postgres_.access();
    options.external_sql_directory = directory_.external_sql();
    engine_ = std::make_unique<Engine>(std::move(options));
    fmt::print("metadb listens on 127.0.0.1:{}; Kafka on {} holds the topics of a small library.\n",
               engine_->port(), broker_.bootstrap());
    return true;
  }

  // As a client of metadb, with the password that `init` would have shown the file of.
  [[nodiscard]] catalog::Connection clients() const {
    return catalog::Connection(catalog::conninfo_with(postgres_.access().system_conninfo,
                                                      {{"host", "127.0.0.1"},
                                                       {"port", std::to_string(engine_->port())},
                                                       {"sslmode", "disable"}}));
  }

  [[nodiscard]] std::string create_command() const {
    return fmt::format(
        "create data source library type kafka options (brokers '{}', security 'plaintext', "
        "topics '^library\\.', consumer_group 'demo')",
        broker_.bootstrap());
  }

  // Waits until the committed positions are past all of `messages`. False: stop was requested.
  bool wait_until_applied(const std::vector<RecordedMessage>& messages) {
    std::map<std::string, size_t> counts;
    for (const RecordedMessage& message : messages) ++counts[message.topic];
    std::string expected;
    for (const auto& [topic, count] : counts) {
      expected += fmt::format("{}({}, {})", expected.empty() ? "" : ", ",
                              catalog::quote_literal(topic), count);
    }
    const std::string missing = fmt::format(
        "SELECT 1 FROM (VALUES {}) e(topic, next) LEFT JOIN metadb.ingest_position p ON p.topic = "
        "e.topic "
        "WHERE p.next_offset IS NULL OR p.next_offset < e.next",
        expected);
    catalog::Connection connection = clients();
    const auto deadline = std::chrono::steady_clock::now() + kCatchUpMax;
    while (connection.exec(missing).rows() > 0) {
      if (stop_.stop_requested()) return false;
      if (std::chrono::steady_clock::now() > deadline) {
        throw catalog::Error(
            "57014", fmt::format("the topics were not read within {} s", kCatchUpMax.count()))
            .with_detail(
                std::string(connection.exec("LIST status").optional_text(0, 12).value_or("")));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return true;
  }

  // The changes from `first` on, one by one.
  void play_live(size_t first) {
    player_ = std::jthread([this, first](const std::stop_token& ended) {
      for (size_t i = first; i < recording_.live.size(); ++i) {
        if (ended.stop_requested() || stop_.stop_requested()) return;
        broker_.produce_one(recording_.live[i]);
        std::this_thread::sleep_for(kLiveChangePause);
      }
    });
  }

  void show() {
    catalog::Connection connection = clients();
    fmt::print("\nThe tables that appeared:\n");
    print_result(
        connection,
        "select schema_name, table_name, source_name from metadb.base_table order by 1, 2");
    fmt::print("\nThe current state, as the source has it now:\n");
    print_result(connection,
                 "select id, patron_id, item_id, due, returned_at from library.loans order by id "
                 "desc limit 5");
    fmt::print("\nEvery state it ever had, from the main table with two underscores:\n");
    print_result(
        connection,
        "select __id, __start, __end, __current, id, returned_at from library.loans__ where id in "
        "(select id from library.loans__ group by id having count(*) > 1 order by id limit 2) "
        "order by id, __id");
  }

  void print_how_to_go_on(bool stays_up) const {
    if (!stays_up) {
      fmt::print(
          "\nTo keep a server: metadb init -D DIR, metadb start -D DIR; README.md has the tour.\n");
      return;
    }
    fmt::print(
        "\nChanges go on for a while. Connect from another terminal:\n\n"
        "  psql -h localhost -p {} -U mdbadmin -d metadb\n\nThe password is in {}.\n"
        "Ctrl-C ends the demo and removes everything.\n",
        engine_->port(), directory_.password_file(EmbeddedPostgres::kSystemUser).string());
    std::fflush(stdout);
  }

  void wait_for_stop() const {
    std::mutex mutex;
    std::condition_variable_any ended;
    std::unique_lock lock(mutex);
    ended.wait(lock, stop_, [] { return false; });
    fmt::print("\nStopping.\n");
  }

  DemoOptions options_;
  std::stop_token stop_;
  Recording recording_;
  TemporaryDirectory temporary_;
  DataDirectory directory_;
  EmbeddedPostgres postgres_;
  ingest::DemoBroker broker_;
  std::unique_ptr<Engine> engine_;
  std::jthread player_;
};

}  // namespace

int demo(const DemoOptions& options) {
  const bool stays_up = !options.is_once && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  start_logging("", "warn");
  drop_privileges(owner_account());
  const StopSignals signals(StopSignals::Hangup::stops);
  std::signal(SIGPIPE, SIG_IGN);
  return Demo(options, signals.token()).run(stays_up);
}

}  // namespace metadb::server
