#include "ingest/worker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "ingest/outcome.h"
#include "ingest/registered_schemas.h"

namespace metadb::ingest {
namespace {

using catalog::Error;
using std::chrono::milliseconds;

constexpr milliseconds kFirstBackoff{500};
constexpr milliseconds kLastBackoff{30'000};

// Doubles up to a bound; jitter keeps many workers from coming back at once.
class Backoff {
 public:
  milliseconds next() {
    const milliseconds wait =
        wait_ + milliseconds(std::uniform_int_distribution<int64_t>(0, wait_.count() / 4)(random_));
    wait_ = std::min(kLastBackoff, wait_ * 2);
    return wait;
  }
  void reset() { wait_ = kFirstBackoff; }

 private:
  milliseconds wait_ = kFirstBackoff;
  std::minstd_rand random_{std::random_device()()};
};

}  // namespace

Worker::Worker(catalog::Catalog& catalog, catalog::DataSource source, SourceFactory factory)
    : catalog_(catalog), source_(std::move(source)), factory_(std::move(factory)) {
  board_.enter(SourceState::starting);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Worker::~Worker() {
  thread_.request_stop();
  thread_.join();
}

StreamOptions Worker::stream_options() const {
  const auto snapshot = catalog_.snapshot();
  StreamOptions options;
  options.source_name = source_.name;
  options.consumer_group = source_.option("consumer_group");
  options.rules = {source_.option("schema_pass_filter"),
                   source_.option("schema_stop_filter"),
                   source_.option("table_stop_filter"),
                   source_.option("trim_schema_prefix"),
                   source_.option("add_schema_prefix"),
                   source_.option("map_public_schema"),
                   source_.option("module"),
                   snapshot->origins};
  return options;
}

void Worker::run(const std::stop_token& stop) {
  Backoff backoff;
  while (!stop.stop_requested()) {
    const int64_t applied_before = board_.read().applied;
    std::string reason;
    try {
      stream(stop);
    } catch (const SourceFailed& error) {
      reason = catalog::described(error);
      consumer_.reset();
      assigned_ = {};
      share_ = {};
    } catch (const Error& error) {
      reason = catalog::described(error);
    } catch (const std::exception& error) {
      reason = error.what();
    }
    if (stop.stop_requested()) break;
    if (board_.read().applied > applied_before) backoff.reset();
    const milliseconds pause = backoff.next();
    board_.report_retry(reason, now_us() + pause.count() * 1000);
    spdlog::error("data source {}: {}; next try in {} ms", source_.name, reason, pause.count());
    wait(stop, pause);
  }
  consumer_.reset();
  board_.enter(SourceState::stopped);
}

// Somebody may have changed managed tables since; a stopped lane comes back that way.
void Worker::reload_catalog() {
  catalog::Connection connection = catalog_.connect();
  catalog_.reload(connection);
}

void Worker::stream(const std::stop_token& stop) {
  bool goes_on = true;
  while (goes_on) {
    reload_catalog();
    if (!decoders_) {
      decoders_.emplace(
          DecoderOptions{.wire = wire_options(source_), .schemas = schema_store(source_, stop)});
    }
    if (!consumer_) consumer_ = factory_(source_, *catalog_.snapshot());
    Stream stream({catalog_, *consumer_, lanes_, *decoders_, board_, assigned_, share_},
                  stream_options());
    goes_on = stream.run(stop);
  }
}

void Worker::wait(const std::stop_token& stop, milliseconds time) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace metadb::ingest
