#include "ingest/worker.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <random>

#include "catalog/carried_types.h"
#include "catalog/duration.h"
#include "ingest/outcome.h"
#include "ingest/registered_schemas.h"

namespace metadb::ingest {
namespace {

using catalog::Error;
using std::chrono::milliseconds;

constexpr milliseconds kFirstBackoff{500};
constexpr milliseconds kLastBackoff{10'000};
constexpr std::chrono::hours kDeadline{3};  // should the option not be one

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

// REQUIRES: a number, as check_option() has seen to.
size_t number_of(const std::string& text) {
  size_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

// The type of the source table's column here, unless it was chosen; nullopt if there is none yet.
std::optional<KnownColumn> type_of(const catalog::Snapshot& snapshot,
                                   const catalog::SourceTableKey& key,
                                   std::string_view column_name) {
  const auto target = snapshot.source_tables.find(key);
  if (target == snapshot.source_tables.end()) return std::nullopt;
  const auto table = snapshot.tables.find({target->second.schema_name, target->second.table_name});
  if (table == snapshot.tables.end()) return std::nullopt;
  const catalog::Column* column = table->second->column_of_source(std::string(column_name));
  if (column == nullptr || column->choice != catalog::TypeChoice::events) return std::nullopt;
  KnownColumn known;
  if (column->type) {
    known.type = *column->type;
    return known;
  }
  const auto carried = catalog::carried_type_named(column->type_name);
  if (!carried) return std::nullopt;
  known.stands_for = carried->type;
  known.type = catalog::row_of(carried->type).carrier;
  if (carried->is_array) known.type = catalog::array_of(known.type).value();
  return known;
}

}  // namespace

Worker::Worker(catalog::Catalog& catalog, catalog::DataSource source, SourceFactory factory,
               std::shared_ptr<Worker> predecessor, int64_t memory_limit_bytes)
    : catalog_(catalog),
      source_(std::move(source)),
      factory_(std::move(factory)),
      predecessor_(std::move(predecessor)),
      memory_limit_bytes_(memory_limit_bytes),
      order_(source_.is_enabled ? Order::run : Order::pause),
      since_us_(source_.paused_us.value_or(now_us())) {
  board_.enter(SourceState::starting);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Worker::~Worker() {
  if (!thread_.get_stop_token().stop_requested()) request_stop(Writer::kFinishMax);
  thread_.join();
}

void Worker::obey(Order order, int64_t since_us) {
  const std::scoped_lock lock(mutex_);
  if (order_ == order) return;
  order_ = order;
  since_us_ = since_us;
  stretch_.request_stop();
  if (order == Order::run) board_.enter(SourceState::starting);
  changed_.notify_all();
}

void Worker::renew(catalog::DataSource source, Order order) {
  const std::scoped_lock lock(mutex_);
  renewed_ = std::move(source);
  if (order_ != order) since_us_ = now_us();
  order_ = order;
  stretch_.request_stop();
  changed_.notify_all();
}

void Worker::request_stop(milliseconds patience) {
  patience_ = patience;
  thread_.request_stop();
  const std::scoped_lock lock(mutex_);
  stretch_.request_stop();
}

bool Worker::await_rest(milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [this] { return is_resting_; });
}

void Worker::await_end() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return has_ended_; });
}

bool Worker::has_ended() const {
  const std::scoped_lock lock(mutex_);
  return has_ended_;
}

Order Worker::order() const {
  const std::scoped_lock lock(mutex_);
  return order_;
}

// What the thread still does under an earlier order is not what the source does.
SourceStatus Worker::status() const {
  SourceStatus status = board_.read();
  const std::scoped_lock lock(mutex_);
  if (order_ == Order::run) return status;
  status.state = order_ == Order::pause ? SourceState::paused : SourceState::waiting;
  status.since_us = since_us_;
  status.lag_seconds.reset();
  status.events_per_second = 0;
  status.next_retry_us.reset();
  for (auto& [topic, lane] : status.stopped_lanes) lane.next_retry_us.reset();
  return status;
}

StreamOptions Worker::stream_options() {
  StreamOptions options;
  options.source_name = source_.name;
  options.consumer_group = source_.option("consumer_group");
  options.rules = name_rules(source_);
  options.snapshot_deadline =
      catalog::parse_duration(source_.option("snapshot_deadline")).value_or(kDeadline);
  options.dead_letter_limit = number_of(source_.option("dead_letter_limit"));
  options.writers = number_of(source_.option("writers"));
  options.patience = [this] { return patience_.load(); };
  options.tables_max = tables_max_;
  options.bytes_max =
      memory_share(memory_limit_bytes_, catalog_.snapshot()->sources.size()).batch_bytes;
  return options;
}

void Worker::run(const std::stop_token& stop) {
  if (predecessor_) predecessor_->await_end();
  predecessor_.reset();
  while (await_order(stop)) {
    follow(stretch_.get_token());
    const SourceStatus done = board_.read();
    spdlog::info("data source {}: {} changes applied since the start of the server: {}",
                 source_.name, done.applied, described(done.times));
    note_rest();
    consumer_.reset();
    assigned_ = {};
    share_ = {};
  }
  board_.enter(SourceState::stopped);
  retries_.abandon();
  const std::scoped_lock lock(mutex_);
  is_resting_ = true;
  has_ended_ = true;
  changed_.notify_all();
}

// Returns when there is something to stream, with the options that hold then; false once the
// worker is to end. Topics that stood are tried anew.
bool Worker::await_order(const std::stop_token& stop) {
  note_rest();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [this] { return order_ == Order::run; });
  if (stop.stop_requested()) return false;
  is_resting_ = false;
  stretch_ = std::stop_source();
  if (renewed_) source_ = std::move(*renewed_);
  renewed_.reset();
  lanes_.clear();
  strands_.clear();
  tables_max_ = SIZE_MAX;
  decoders_.reset();  // of the options and the stop token of before
  snapshot_memory_ = SnapshotMemory();
  board_.update([](SourceStatus& status) {
    status.stopped_lanes.clear();
    status.snapshot.reset();
  });
  board_.enter(SourceState::starting);
  return true;
}

void Worker::note_rest() {
  const std::scoped_lock lock(mutex_);
  is_resting_ = true;
  changed_.notify_all();
}

// Streams until another order comes.
void Worker::follow(const std::stop_token& stop) {
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
    } catch (const TooManyTables& error) {
      tables_max_ = std::max<size_t>(1, std::min(tables_max_, error.tables) / 2);
      reason = fmt::format("{} (from now on at most {} tables at once)", catalog::described(error),
                           tables_max_);
    } catch (const Error& error) {
      reason = catalog::described(error);
    } catch (const std::exception& error) {
      reason = error.what();
    }
    if (stop.stop_requested()) return;
    // What was not read may have been rows.
    snapshot_memory_.last_row = std::chrono::steady_clock::now();
    if (board_.read().applied > applied_before) backoff.reset();
    const milliseconds pause = backoff.next();
    board_.report_retry(reason, now_us() + pause.count() * 1000);
    spdlog::error("data source {}: {}; next try in {} ms", source_.name, reason, pause.count());
    wait(stop, pause);
  }
}

DecoderOptions Worker::decoder_options(const std::stop_token& stop) {
  DecoderOptions options;
  options.wire = wire_options(source_);
  options.schemas = schema_store(source_, stop);
  options.has_numeric_infinity = has_numeric_infinity_;
  options.unavailable_placeholder = source_.option("unavailable_placeholder");
  if (source_.option("events") == "flattened") options.shape = EventShape::flattened;
  options.binary_mode = binary_mode_named(source_.option("binary_handling_mode"));
  if (const std::string expression = source_.option("table_from_topic"); !expression.empty()) {
    const auto tables = std::make_shared<const TopicTables>(expression);
    options.table_of_topic = [tables](std::string_view topic) { return tables->table_of(topic); };
  }
  options.known_type = [&catalog = catalog_, name = source_.name](const EventTable& table,
                                                                  std::string_view column) {
    return type_of(*catalog.snapshot(), {name, table.db, table.schema, table.table}, column);
  };
  return options;
}

// Somebody may have changed managed tables since; a stopped lane comes back that way.
void Worker::reload_catalog() {
  catalog::Connection connection = catalog_.connect();
  catalog_.reload(connection);
  has_numeric_infinity_ = connection.server_version() >= 140000;
}

void Worker::stream(const std::stop_token& stop) {
  bool goes_on = true;
  while (goes_on) {
    reload_catalog();
    if (!decoders_) {
      decoders_.emplace(decoder_options(stop));
    }
    if (!consumer_) {
      board_.source_is_back();  // as far as the new one knows
      consumer_ = factory_(source_, *catalog_.snapshot());
    }
    Stream stream({catalog_, *consumer_, lanes_, strands_, *decoders_, board_, assigned_, share_,
                   retries_, snapshot_memory_, batch_size_},
                  stream_options());
    goes_on = stream.run(stop);
  }
}

void Worker::wait(const std::stop_token& stop, milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace metadb::ingest
