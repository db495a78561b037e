#include "ingest/writer.h"

#include <spdlog/spdlog.h>

namespace metadb::ingest {

Writer::Writer(catalog::Catalog& catalog, TableShaper::Context context, Patience patience)
    : applier_(catalog, std::move(context)),
      patience_(std::move(patience)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Writer::~Writer() {
  finish();
  thread_.request_stop();
}

bool Writer::is_idle() const {
  const std::scoped_lock lock(mutex_);
  return !is_busy_;
}

void Writer::submit(std::unique_ptr<Batch> batch) {
  const std::scoped_lock lock(mutex_);
  is_busy_ = true;
  waiting_ = std::move(batch);
  changed_.notify_all();
}

std::optional<Writer::Done> Writer::take_result(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  if (!is_busy_) return std::nullopt;
  // Asked between two messages: then a wait of no time would be too long.
  if (!done_ && timeout == timeout.zero()) return std::nullopt;
  if (!changed_.wait_for(lock, timeout, [this] { return done_.has_value(); })) return std::nullopt;
  is_busy_ = false;
  return std::exchange(done_, std::nullopt);
}

// The result is dropped: whoever wants it has waited for it.
void Writer::finish() {
  if (is_idle() || take_result(patience_())) return;
  cancel();
}

void Writer::cancel() {
  while (!is_idle()) {
    applier_.cancel();
    take_result(std::chrono::seconds(1));
  }
}

void Writer::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, stop, kIdle, [this] { return waiting_ != nullptr; })) {
      lock.unlock();
      if (!stop.stop_requested()) tidy_up();
      continue;
    }
    std::unique_ptr<Batch> batch = std::move(waiting_);
    lock.unlock();
    std::variant<Applied, std::exception_ptr> result;
    try {
      result = applier_.apply(*batch);
    } catch (...) {
      // The worker rethrows it: it alone knows what the error means for the stream.
      result = std::current_exception();
    }
    lock.lock();
    done_ = Done{std::move(batch), std::move(result)};
    changed_.notify_all();
  }
}

void Writer::tidy_up() {
  try {
    applier_.tidy_up(Applier::Clock::now());
  } catch (const std::exception& error) {
    // The next batch meets what is wrong, and the worker hears of that.
    spdlog::debug("writer: {}", error.what());
  }
}

}  // namespace metadb::ingest
