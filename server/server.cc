#include "server/server.h"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "catalog/postgres.h"
#include "server/logging.h"

namespace metadb::server {
namespace {

constexpr std::chrono::milliseconds kFirstPause{1'000};
constexpr std::chrono::milliseconds kLongestPause{30'000};

}  // namespace

Server::Server(std::function<Config()> read_config, DataDirectory directory)
    : read_config_(std::move(read_config)),
      config_(read_config_()),
      directory_(std::move(directory)),
      lock_(directory_) {
  status_.pid = getpid();
  status_.since = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  announce(false);
}

void Server::run(const std::stop_token& stop, int reload_requested) {
  spdlog::info("metadb {} starts in {}", METADB_VERSION, directory_.path().string());
  if (start_database(stop)) {
    report_database();
    start_engine();
    announce(true);
    for (const std::string& address : status_.addresses) spdlog::info("listening on {}", address);
    spdlog::info("started");
    watch(stop, reload_requested);
    engine_->stop();
  }
  if (postgres_) postgres_->stop();
  spdlog::info("stopped");
}

bool Server::start_database(const std::stop_token& stop) {
  if (!config_.database.conninfo.empty()) {
    database_ = given_database(config_.database);
    return true;
  }
  postgres_ = std::make_unique<EmbeddedPostgres>(directory_, config_.max_connections);
  if (!postgres_->start(stop)) return false;
  database_ = postgres_->access();
  return true;
}

void Server::report_database() const {
  const DatabaseReport report = check_database(database_);
  spdlog::info("database \"{}\", PostgreSQL {}", report.name, report.version);
  for (const std::string& warning : report.warnings) spdlog::warn("{}", warning);
  if (!config_.accept_backend_trust && asks_nothing(database_)) {
    spdlog::warn("{}", kAsksNothing);
  }
}

void Server::start_engine() {
  EngineOptions options;
  options.config = config_;
  options.database = database_;
  options.external_sql_directory = directory_.external_sql();
  const std::string socket_name = fmt::format(".s.PGSQL.{}", config_.port);
  const std::filesystem::path preferred = config_.unix_socket_directory.empty()
                                              ? directory_.path()
                                              : directory_.path() / config_.unix_socket_directory;
  options.socket_directory = socket_directory(preferred, socket_name, owner_account());
  if (postgres_) {
    const std::string superuser_conninfo = database_.superuser_conninfo;
    options.peer =
        EmbeddedPeer{postgres_->owner().uid, EmbeddedPostgres::kSuperuser, [superuser_conninfo] {
                       return catalog::conninfo_value(superuser_conninfo, "password").value_or("");
                     }};
  }
  engine_ = std::make_unique<Engine>(std::move(options));
  status_.addresses = engine_->addresses();
}

void Server::announce(bool is_ready) {
  status_.is_ready = is_ready;
  status_.database = postgres_ ? postgres_->description() : "database.conninfo of metadb.yaml";
  lock_.announce(status_);
}

// What is wrong with the new configuration, or with a log that was rotated, is logged, and the old
// one stays.
void Server::reload() {
  try {
    reopen_log();
  } catch (const catalog::Error& error) {
    spdlog::error("the log was not opened again: {}", error.message());
  }
  try {
    const Config config = read_config_();
    engine_->reload(config);
    set_log_level(config.log_level);
    for (const std::string_view name : fixed_differences(config_, config)) {
      spdlog::warn("{} has changed in metadb.yaml; it takes effect at the next start", name);
    }
    config_ = config;
    spdlog::info("the configuration was read again");
  } catch (const catalog::Error& error) {
    spdlog::error("the configuration was not read again: {}", error.message());
  }
}

void Server::watch(const std::stop_token& stop, int reload_requested) {
  const Descriptor requested(eventfd(0, EFD_CLOEXEC));
  if (!requested) throw std::system_error(errno, std::generic_category(), "eventfd");
  const std::stop_callback wake(stop, [&] { eventfd_write(requested.get(), 1); });
  std::chrono::milliseconds pause{0};  // before a private PostgreSQL that is down is started
  while (!stop.stop_requested()) {
    const bool is_up = !postgres_ || postgres_->is_running();
    std::array<pollfd, 3> waited{{{requested.get(), POLLIN, 0},
                                  {postgres_ && is_up ? postgres_->descriptor() : -1, POLLIN, 0},
                                  {reload_requested, POLLIN, 0}}};
    const int patience_ms = is_up ? -1 : static_cast<int>(pause.count());
    if (poll(waited.data(), waited.size(), patience_ms) < 0 && errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    if (stop.stop_requested()) return;
    if (waited[2].revents != 0) {
      eventfd_t count = 0;
      eventfd_read(reload_requested, &count);
      reload();
    }
    if (is_up && waited[1].revents == 0) continue;
    restart_postgres(stop);
    pause = postgres_->is_running() ? std::chrono::milliseconds(0)
                                    : std::clamp(pause * 2, kFirstPause, kLongestPause);
  }
}

void Server::restart_postgres(const std::stop_token& stop) {
  try {
    if (postgres_->is_running()) {
      spdlog::error("the private PostgreSQL ended unexpectedly and is started again; its log is {}",
                    postgres_->log().string());
      postgres_->stop();
    }
    if (postgres_->start(stop)) spdlog::info("the private PostgreSQL runs again");
  } catch (const std::exception& error) {
    spdlog::error("{}", error.what());
  }
}

}  // namespace metadb::server
