#include "server/logging.h"

#include <spdlog/details/file_helper.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "catalog/error.h"
#include "server/log_sink.h"
#include "server/repeat_filter.h"

namespace metadb::server {
namespace {

// Appends to a file that can be opened anew, by its name: somebody may have moved it away.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FileSink(std::string name) : name_(std::move(name)), file_(opened()) {}

  // The old file stays in use if this throws.
  void reopen() {
    auto next = opened();
    const std::scoped_lock lock(mutex_);
    file_ = std::move(next);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    file_->write(line);
  }
  void flush_() override { file_->flush(); }

 private:
  [[nodiscard]] std::unique_ptr<spdlog::details::file_helper> opened() const {
    auto file = std::make_unique<spdlog::details::file_helper>();
    try {
      file->open(name_);
    } catch (const spdlog::spdlog_ex& error) {
      throw catalog::Error("58030", error.what());
    }
    return file;
  }

  const std::string name_;
  std::unique_ptr<spdlog::details::file_helper> file_;
};

}  // namespace

void start_logging(const std::filesystem::path& file, const std::string& level) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    sink = std::make_shared<FileSink>(file.string());
  }
  auto filter = std::make_shared<RepeatFilter>(
      std::vector<std::shared_ptr<spdlog::sinks::sink>>{std::move(sink), log_table_sink()});
  auto logger = std::make_shared<spdlog::logger>("metadb", std::move(filter));
  logger->set_level(spdlog::level::from_str(level));
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %z [%P] %l: %v");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void set_log_level(const std::string& level) {
  spdlog::default_logger()->set_level(spdlog::level::from_str(level));
}

namespace {

// Of the logger that start_logging() made; nullptr if somebody put another in its place.
RepeatFilter* repeat_filter() {
  const auto& sinks = spdlog::default_logger()->sinks();
  return sinks.empty() ? nullptr : dynamic_cast<RepeatFilter*>(sinks.front().get());
}

}  // namespace

void tell_repeats() {
  if (RepeatFilter* filter = repeat_filter()) filter->tell_all();
}

void reopen_log() {
  if (const RepeatFilter* filter = repeat_filter()) {
    for (const auto& sink : filter->sinks()) {
      if (auto* file = dynamic_cast<FileSink*>(sink.get())) file->reopen();
    }
  }
}

}  // namespace metadb::server
