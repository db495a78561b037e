#include "server/log_sink.h"

#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>

namespace metadb::server {
namespace {

// The reference's severities.
std::string severity(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::warn:
      return "WARNING";
    case spdlog::level::err:
      return "ERROR";
    case spdlog::level::critical:
      return "FATAL";
    default:
      return "INFO";
  }
}

}  // namespace

// Stays in the logger, whose list of sinks must not change under threads that log; detached, it
// forwards nothing.
struct LogTable::Sink final : spdlog::sinks::sink {
  explicit Sink(std::string conninfo)
      : writer(std::make_unique<catalog::LogWriter>(std::move(conninfo))) {
    set_level(spdlog::level::info);
  }

  void log(const spdlog::details::log_msg& message) override {
    const std::scoped_lock lock(mutex);
    if (!writer) return;
    const auto time =
        std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
    writer->append({time.count(), severity(message.level),
                    std::string(message.payload.data(), message.payload.size())});
  }
  void flush() override {}
  void set_pattern(const std::string& /*pattern*/) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter> /*formatter*/) override {}

  std::mutex mutex;
  std::unique_ptr<catalog::LogWriter> writer;
};

LogTable::LogTable(std::string conninfo) : sink_(std::make_shared<Sink>(std::move(conninfo))) {
  spdlog::default_logger()->sinks().push_back(sink_);
}

LogTable::~LogTable() {
  std::unique_ptr<catalog::LogWriter> ending;
  const std::scoped_lock lock(sink_->mutex);
  ending = std::move(sink_->writer);
}

}  // namespace metadb::server
