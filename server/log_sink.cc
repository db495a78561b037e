#include "server/log_sink.h"

#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

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

  void open(std::unique_ptr<catalog::LogWriter> writer) {
    const std::scoped_lock lock(mutex_);
    for (catalog::LogLine& line : early_) writer->append(std::move(line));
    early_.clear();
    keeps_ = false;
    writer_ = std::move(writer);
  }
  // Returns the writer, to end outside the lock: it may log, and takes a moment.
  std::unique_ptr<catalog::LogWriter> close() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(writer_, nullptr);
  }
  void keep_again() {
    const std::scoped_lock lock(mutex_);
    early_.clear();
    keeps_ = true;
  }

  void log(const spdlog::details::log_msg& message) override {
    const std::scoped_lock lock(mutex_);
    const auto time =
        std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
    catalog::LogLine line{time.count(), severity(message.level),
                          std::string(message.payload.data(), message.payload.size())};
    if (writer_) {
      writer_->append(std::move(line));
    } else if (keeps_ && early_.size() < kEarlyLinesMax) {
      early_.push_back(std::move(line));
    }
  }
  void flush() override {}
  void set_pattern(const std::string& /*pattern*/) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter> /*formatter*/) override {}

 private:
  std::mutex mutex_;
  std::unique_ptr<catalog::LogWriter> writer_;
  std::vector<catalog::LogLine> early_;
  bool keeps_ = true;
};

const std::shared_ptr<TableSink>& table_sink() {
  static const auto kSink = std::make_shared<TableSink>();
  return kSink;
}

}  // namespace

std::shared_ptr<spdlog::sinks::sink> log_table_sink() {
  table_sink()->keep_again();
  return table_sink();
}

LogTable::LogTable(std::string conninfo) {
  table_sink()->open(std::make_unique<catalog::LogWriter>(std::move(conninfo)));
}

LogTable::~LogTable() {
  table_sink()->close();
}

}  // namespace metadb::server
