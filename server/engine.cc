#include "server/engine.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "server/commands/commands.h"
#include "server/kafka_factory.h"

namespace metadb::server {
namespace {

constexpr std::chrono::seconds kGoodbyePatience{5};

// Where libpq found the system user's server, which clients' sessions follow.
UpstreamOptions upstream_of(const catalog::Connection& connection) {
  UpstreamOptions upstream;
  upstream.hosts = {{connection.host(), connection.port()}};
  return upstream;
}

void refuse_tls(const std::string& conninfo) {
  const std::string mode = catalog::conninfo_value(conninfo, "sslmode").value_or("prefer");
  if (mode == "require" || mode == "verify-ca" || mode == "verify-full") {
    throw catalog::Error(
        "0A000", fmt::format("sslmode={} of database.conninfo is not implemented yet", mode))
        .with_hint(
            "Clients' sessions reach PostgreSQL without TLS: use a Unix socket or a trusted "
            "network.");
  }
}

int io_threads(const Config& config) {
  if (config.io_threads > 0) return config.io_threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 4);
}

}  // namespace

Engine::Engine(EngineOptions options)
    : options_(std::move(options)),
      catalog_({options_.database.system_conninfo, options_.database.superuser_conninfo}) {
  refuse_tls(options_.database.system_conninfo);
  catalog_.open(fmt::format("metadb {}", METADB_VERSION));
  log_table_ = std::make_unique<LogTable>(options_.database.system_conninfo);
  workers_ = std::make_unique<ingest::Workers>(
      catalog_, kafka_source_factory(options_.config.memory_limit_bytes));
  commands_ = std::make_unique<Commands>(CommandParts{catalog_, *workers_, kafka_probe()});
  pool_ = std::make_unique<CommandPool>();
  front_end_ = std::make_unique<FrontEnd>(front_end_options(), *commands_, *pool_);
  // Before clients can create sources of their own: a source has one worker.
  workers_->start_all();
  front_end_->start();
}

Engine::~Engine() {
  stop();
}

void Engine::stop() {
  if (front_end_) front_end_->stop(kGoodbyePatience);
  front_end_.reset();
  pool_.reset();
  if (workers_) workers_->stop_all();
  log_table_.reset();
}

FrontEndOptions Engine::front_end_options() const {
  const catalog::Connection connection = catalog_.connect();
  const Config& config = options_.config;
  FrontEndOptions out;
  out.addresses = config.listen_addresses;
  out.port = config.port;
  out.socket_directory = options_.socket_directory;
  out.io_threads = io_threads(config);
  out.connections_max = config.max_connections;
  out.upstream = upstream_of(connection);
  out.session.database = connection.database();
  out.session.accept_backend_trust = config.accept_backend_trust;
  out.session.peer = options_.peer;
  return out;
}

std::vector<std::string> Engine::addresses() const {
  std::vector<std::string> out;
  for (const std::string& address : options_.config.listen_addresses) {
    const bool is_v6 = address.find(':') != std::string::npos;
    out.push_back(is_v6 ? fmt::format("[{}]:{}", address, port())
                        : fmt::format("{}:{}", address, port()));
  }
  if (!options_.socket_directory.empty()) {
    out.push_back(fmt::format("{}/.s.PGSQL.{}", options_.socket_directory, port()));
  }
  return out;
}

}  // namespace metadb::server
