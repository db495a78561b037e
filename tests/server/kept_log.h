// What the default logger says, to be read while others write.
#pragma once

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <string>

#include "tests/fakes/eventually.h"

namespace metadb::tests {

// REQUIRES: made before the threads that log, and gone after them.
class KeptLog {
 public:
  explicit KeptLog(spdlog::level::level_enum level = spdlog::level::info)
      : before_(spdlog::default_logger()), level_before_(spdlog::get_level()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("kept", lines_));
    spdlog::set_level(level);
  }
  ~KeptLog() {
    spdlog::set_default_logger(before_);
    spdlog::set_level(level_before_);
  }
  KeptLog(const KeptLog&) = delete;
  KeptLog& operator=(const KeptLog&) = delete;

  [[nodiscard]] std::string text() const { return lines_->text(); }
  // Whether it comes to say this in time.
  [[nodiscard]] bool says(const std::string& words) const {
    return eventually([&] { return text().find(words) != std::string::npos; });
  }

 private:
  class Lines final : public spdlog::sinks::base_sink<std::mutex> {
   public:
    std::string text() {
      const std::lock_guard lock(mutex_);
      return text_;
    }

   protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
      const auto level = spdlog::level::to_string_view(message.level);
      text_.append(level.data(), level.size()).append(" ");
      text_.append(message.payload.data(), message.payload.size()).append("\n");
    }
    void flush_() override {}

   private:
    std::string text_;
  };

  std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
  std::shared_ptr<spdlog::logger> before_;
  spdlog::level::level_enum level_before_;
};

}  // namespace metadb::tests
