#include "server/local_session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>
#include <variant>

#include "catalog/catalog.h"
#include "catalog/postgres.h"
#include "grammar/parse.h"
#include "ingest/workers.h"
#include "server/cancel_on_stop.h"
#include "server/commands/commands.h"
#include "server/config.h"
#include "server/database.h"
#include "server/embedded_postgres.h"

namespace metadb::server {
namespace {

using catalog::Error;

constexpr std::string_view kSocket = ".s.PGSQL.";

// Host and port of one of a server's addresses: "127.0.0.1:8550", "[::1]:8550",
// "/dir/.s.PGSQL.8550".
std::pair<std::string, std::string> host_and_port(std::string address) {
  const bool is_socket = address.starts_with('/');
  const size_t end = address.rfind(is_socket ? '/' : ':');
  const std::string host = address.substr(0, end);
  if (is_socket) return {host, address.substr(end + 1 + kSocket.size())};
  const bool is_v6 = host.starts_with('[') && host.ends_with(']');
  return {is_v6 ? host.substr(1, host.size() - 2) : host, address.substr(end + 1)};
}

// Over the Unix socket if there is one, where nothing has to be encrypted.
std::pair<std::string, std::string> way_to(const RunningServer& server) {
  for (const std::string& address : server.addresses) {
    if (address.starts_with('/')) return host_and_port(address);
  }
  return host_and_port(server.addresses.front());
}

DatabaseAccess access_of(const DataDirectory& directory, const Config& config) {
  if (!config.database.conninfo.empty()) return given_database(config.database);
  return EmbeddedPostgres(directory, config.max_connections).access();
}

class WithServer final : public LocalSession {
 public:
  WithServer(const std::string& conninfo, const Listener& listener, const std::stop_token& stop)
      : connection_(conninfo), cancel_(connection_, stop) {
    connection_.on_notice([listener](const catalog::Connection::Notice& notice) {
      listener({.severity = notice.severity,
                .message = notice.message,
                .detail = notice.detail,
                .hint = notice.hint});
    });
  }

  Table run(const std::string& statement) override {
    const catalog::Result result = connection_.exec(statement);
    Table out;
    for (int column = 0; column < result.columns(); ++column)
      out.columns.emplace_back(result.column_name(column));
    for (int row = 0; row < result.rows(); ++row) {
      auto& cells = out.rows.emplace_back();
      for (int column = 0; column < result.columns(); ++column)
        cells.push_back(result.optional_text(row, column));
    }
    return out;
  }

 private:
  catalog::Connection connection_;
  CancelOnStop cancel_;
};

// Nothing is ingested while it lives.
class WithoutServer final : public LocalSession {
 public:
  WithoutServer(const DataDirectory& directory, const Config& config, Listener listener,
                std::stop_token stop)
      : lock_(directory), listener_(std::move(listener)), stop_(std::move(stop)) {
    RunningServer self;
    self.pid = getpid();
    self.since = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    self.database = "for a command of metadb";
    lock_.announce(self);
    const DatabaseAccess access = start_database(directory, config);
    catalog_ = std::make_unique<catalog::Catalog>(
        catalog::CatalogOptions{access.system_conninfo, access.superuser_conninfo});
    catalog_->open(fmt::format("metadb {}", METADB_VERSION));
    workers_ = std::make_unique<ingest::Workers>(*catalog_, nullptr);
    commands_ = std::make_unique<Commands>(CommandParts{*catalog_, *workers_, nullptr});
    const catalog::Connection connection = catalog_->connect();
    user_ = connection.user();
    database_ = connection.database();
  }

  Table run(const std::string& statement) override {
    const grammar::Statement parsed = grammar::parse(statement);
    const auto* command = std::get_if<grammar::Parsed>(&parsed);
    if (command == nullptr) throw Error("0A000", "only commands of metadb run without its server");
    Context context(Caller{user_, database_, true, 0}, stop_, listener_);
    Reply reply = commands_->run(command->command, context);
    Table out;
    for (const ColumnDescription& column : reply.columns) out.columns.push_back(column.name);
    out.rows = std::move(reply.rows);
    return out;
  }

 private:
  DatabaseAccess start_database(const DataDirectory& directory, const Config& config) {
    if (!config.database.conninfo.empty()) return given_database(config.database);
    postgres_ = std::make_unique<EmbeddedPostgres>(directory, config.max_connections);
    if (!postgres_->start(stop_))
      throw Error("57014", "canceled while the private PostgreSQL started");
    return postgres_->access();
  }

  ServerLock lock_;
  Listener listener_;
  std::stop_token stop_;
  std::unique_ptr<EmbeddedPostgres> postgres_;  // its destructor stops it
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<ingest::Workers> workers_;
  std::unique_ptr<Commands> commands_;
  std::string user_;
  std::string database_;
};

}  // namespace

std::unique_ptr<LocalSession> LocalSession::with_server(const DataDirectory& directory,
                                                        Listener listener,
                                                        const std::stop_token& stop) {
  const auto server = running_server(directory);
  if (!server) return nullptr;
  if (!server->is_ready || server->addresses.empty()) {
    throw Error("55006", fmt::format("process {} is starting or stopping in {}", server->pid,
                                     directory.path().string()))
        .with_hint("Try again once metadb status says that it runs.");
  }
  const Config config = load_config(directory.configuration(), process_environment());
  const auto [host, port] = way_to(*server);
  const DatabaseAccess access = access_of(directory, config);
  try {
    return std::make_unique<WithServer>(
        catalog::conninfo_with(access.system_conninfo,
                               {{"host", host},
                                {"hostaddr", ""},
                                {"port", port},
                                {"sslmode", "prefer"},
                                {"channel_binding", "prefer"},
                                {"application_name", "metadb command line"}}),
        listener, stop);
  } catch (Error& error) {
    if (error.hint.empty())
      error.hint = "The command is for psql as well, as any user who may run it.";
    throw;
  }
}

std::unique_ptr<LocalSession> LocalSession::open(const DataDirectory& directory, Listener listener,
                                                 std::stop_token stop) {
  if (auto session = with_server(directory, listener, stop)) return session;
  const Config config = load_config(directory.configuration(), process_environment());
  return std::make_unique<WithoutServer>(directory, config, std::move(listener), std::move(stop));
}

}  // namespace metadb::server
