#include "ingest/writer.h"

#include <spdlog/spdlog.h>

namespace metadb::ingest {
namespace {

// Between two looks at whether what was cancelled has ended.
constexpr std::chrono::milliseconds kLook{500};

}  // namespace

Writer::Writer(catalog::Catalog& catalog, TableShaper::Context context, Patience patience)
    : applier_(catalog, std::move(context)),
      backend_pid_(applier_.backend_pid()),
      patience_(std::move(patience)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

// The result is dropped: whoever wants it has waited for it.
Writer::~Writer() {
  if (!is_idle()) take_result(patience_());
  thread_.request_stop();
  cancel();
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

void Writer::cancel(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto has_ended = [this] { return (!is_busy_ || done_) && !is_tidying_; };
  if (waiting_) {
    waiting_.reset();
    is_busy_ = false;
  }
  for (bool is_first = true; !has_ended(); is_first = false) {
    lock.unlock();
    if (is_first || Clock::now() < deadline) {
      applier_.cancel(kLook);
    } else {
      applier_.break_off();
    }
    lock.lock();
    changed_.wait_for(lock, kLook, has_ended);
  }
  is_busy_ = false;
  done_.reset();
}

void Writer::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool has_batch =
        changed_.wait_for(lock, stop, kIdle, [this] { return waiting_ != nullptr; });
    if (stop.stop_requested()) return;
    // The worker is told at once: what can wait may take as long as an index.
    if (has_batch && !apply(lock)) continue;
    is_tidying_ = true;
    lock.unlock();
    tidy_up(has_batch);
    lock.lock();
    is_tidying_ = false;
    changed_.notify_all();
  }
}

// False if that failed: the applier is of no more use.
bool Writer::apply(std::unique_lock<std::mutex>& lock) {
  std::unique_ptr<Batch> batch = std::move(waiting_);
  lock.unlock();
  std::variant<Applied, std::exception_ptr> result;
  try {
    result = applier_.apply(*batch);
  } catch (...) {
    // The worker rethrows it: it alone knows what the error means for the stream.
    result = std::current_exception();
  }
  const bool is_applied = std::holds_alternative<Applied>(result);
  lock.lock();
  done_ = Done{std::move(batch), std::move(result)};
  changed_.notify_all();
  return is_applied;
}

void Writer::tidy_up(bool is_between_batches) {
  try {
    const Applier::Clock::time_point now = Applier::Clock::now();
    if (is_between_batches) {
      applier_.index_loaded(now);
    } else {
      applier_.tidy_up(now);
    }
  } catch (const std::exception& error) {
    // The next batch meets what is wrong, and the worker hears of that.
    spdlog::debug("writer: {}", error.what());
  }
}

}  // namespace metadb::ingest
