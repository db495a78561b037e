#include "server/engine.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "server/commands/commands.h"
#include "server/external_sql.h"
#include "server/kafka_factory.h"
#include "server/logging.h"
#include "server/maintenance_jobs.h"
#include "server/role_verifiers.h"

namespace metadb::server {
namespace {

SslMode ssl_mode(const std::string& name) {
  if (name == "require") return SslMode::require;
  if (name == "verify-ca") return SslMode::verify_ca;
  if (name == "verify-full") return SslMode::verify_full;
  return name == "allow" || name == "prefer" ? SslMode::allow : SslMode::disable;
}

// Where libpq found the system user's server, which clients' sessions follow, and how.
UpstreamOptions upstream_of(const catalog::Connection& connection) {
  UpstreamOptions upstream;
  upstream.hosts = {{connection.host(), connection.port(), connection.host_name()}};
  UpstreamTlsOptions tls;
  tls.mode = ssl_mode(connection.parameter("sslmode"));
  tls.root_certificate = connection.parameter("sslrootcert");
  tls.crl = connection.parameter("sslcrl");
  tls.certificate = connection.parameter("sslcert");
  tls.key = connection.parameter("sslkey");
  upstream.tls = upstream_tls(tls);
  return upstream;
}

SessionPolicy policy_of(const Config& config) {
  SessionPolicy policy;
  policy.tls = client_tls(config.tls);
  policy.is_tls_required = config.is_tls_required;
  policy.allow = config.allow;
  policy.accept_backend_trust = config.accept_backend_trust;
  policy.connections_max = config.max_connections;
  policy.connections_reserved =
      std::min(config.superuser_reserved_connections, config.max_connections - 1);
  policy.login_timeout = config.login_timeout;
  policy.idle_timeout = config.idle_timeout;
  policy.are_ends_logged = config.are_connections_logged;
  return policy;
}

VerifierSource verifiers_of(const DatabaseAccess& database, const std::string& installation_id) {
  auto verifiers =
      std::make_shared<RoleVerifiers>(database.superuser_conninfo, "mock of " + installation_id);
  return [verifiers](const std::string& user) -> std::variant<ScramVerifier, catalog::Error> {
    try {
      return verifiers->find(user);
    } catch (const catalog::Error& error) {
      return error;
    }
  };
}

// A session takes two descriptors; the rest is for PostgreSQL, Kafka and files.
void allow_descriptors(int connections_max) {
  constexpr rlim_t kOthers = 300;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = 2 * static_cast<rlim_t>(connections_max) + kOthers;
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
    spdlog::warn("this process may open {} files; max_connections = {} can take {}", limit.rlim_cur,
                 connections_max, wanted);
  }
}

// Of repositories that a server fetched when it was killed.
void remove_leftovers(const std::filesystem::path& directory) {
  std::error_code problem;
  std::filesystem::remove_all(directory, problem);
  if (problem) spdlog::warn("{} could not be removed: {}", directory.string(), problem.message());
}

int io_threads(const Config& config) {
  if (config.io_threads > 0) return config.io_threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 4);
}

}  // namespace

Engine::Engine(EngineOptions options)
    : options_(std::move(options)),
      catalog_({options_.database.system_conninfo, options_.database.superuser_conninfo}) {
  allow_descriptors(options_.config.max_connections);
  catalog_.open(fmt::format("metadb {}", METADB_VERSION));
  remove_leftovers(options_.external_sql_directory);
  log_table_ = std::make_unique<LogTable>(options_.database.system_conninfo);
  workers_ = std::make_unique<ingest::Workers>(
      catalog_, kafka_source_factory(options_.config.memory_limit_bytes),
      options_.config.memory_limit_bytes);
  commands_ = std::make_unique<Commands>(CommandParts{
      catalog_, *workers_, kafka_probe(), [this] { maintenance_->wake(); }, fetch_options()});
  pool_ = std::make_unique<CommandPool>();
  front_end_ = std::make_unique<FrontEnd>(front_end_options(), *commands_, *pool_);
  // Before clients can create sources of their own: a source has one worker.
  workers_->start_all();
  maintenance_ = std::make_unique<Maintenance>(catalog_, maintenance_jobs());
  auto_endsync_ =
      std::make_unique<AutoEndsync>(AutoEndsync::Parts{catalog_, *workers_, *commands_});
  front_end_->start();
}

Engine::~Engine() {
  stop();
}

void Engine::reload(const Config& config) {
  front_end_->choose_policy(policy_of(config));
  options_.config = config;
}

FetchOptions Engine::fetch_options() const {
  FetchOptions options;
  options.directory = options_.external_sql_directory;
  return options;
}

MaintenanceJobs Engine::maintenance_jobs() {
  using catalog::Connection;
  const auto external = std::make_shared<ExternalSqlRunner>(catalog_, fetch_options());
  MaintenanceJobs jobs;
  jobs.daily = {{"log", [this](Connection& connection,
                               const std::stop_token&) { keep_log(catalog_, connection); }},
                {"statistics",
                 [this](Connection& connection, const std::stop_token& stop) {
                   analyze_parents(catalog_, connection, stop);
                 }},
                {"external SQL", [external](Connection& connection, const std::stop_token& stop) {
                   external->run_daily(connection, stop);
                 }}};
  jobs.timed = {{"external SQL", [external](Connection& connection, const std::stop_token& stop) {
                   external->run_scheduled(connection, stop);
                 }}};
  jobs.next_timed = &ExternalSqlRunner::next_scheduled;
  return jobs;
}

void Engine::stop() {
  if (maintenance_) maintenance_->request_stop();
  if (auto_endsync_) auto_endsync_->request_stop();
  if (front_end_) front_end_->stop(options_.config.shutdown_timeout);
  front_end_.reset();
  pool_.reset();
  auto_endsync_.reset();
  maintenance_.reset();
  if (workers_) workers_->stop_all();
  if (log_table_) tell_repeats();
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
  out.policy = policy_of(config);
  out.upstream = upstream_of(connection);
  out.session.database = connection.database();
  out.session.peer = options_.peer;
  out.session.verifiers = verifiers_of(options_.database, catalog_.snapshot()->installation_id);
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
