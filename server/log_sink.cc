#include "server/log_sink.h"

#include <chrono>
#include <mutex>
#include <utility>

#include "catalog/log.h"

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

class TableSink final : public spdlog::sinks::sink {
 public:
  TableSink() { set_level(spdlog::level::info); }

  // Returns the writer before.
  std::unique_ptr<catalog::LogWriter> exchange(std::unique_ptr<catalog::LogWriter> writer) {
    const std::scoped_lock lock(mutex_);
    return std::exchange(writer_, std::move(writer));
  }

  void log(const spdlog::details::log_msg& message) override {
    const std::scoped_lock lock(mutex_);
    if (!writer_) return;
    const auto time =
        std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
    writer_->append({time.count(), severity(message.level),
                     std::string(message.payload.data(), message.payload.size())});
  }
  void flush() override {}
  void set_pattern(const std::string& /*pattern*/) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter> /*formatter*/) override {}

 private:
  std::mutex mutex_;
  std::unique_ptr<catalog::LogWriter> writer_;
};

const std::shared_ptr<TableSink>& table_sink() {
  static const auto kSink = std::make_shared<TableSink>();
  return kSink;
}

}  // namespace

std::shared_ptr<spdlog::sinks::sink> log_table_sink() {
  return table_sink();
}

LogTable::LogTable(std::string conninfo) {
  table_sink()->exchange(std::make_unique<catalog::LogWriter>(std::move(conninfo)));
}

// The writer ends outside the lock: it may log, and takes a moment.
LogTable::~LogTable() {
  table_sink()->exchange(nullptr);
}

}  // namespace metadb::server
