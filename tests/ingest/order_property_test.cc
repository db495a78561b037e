// Random histories over the partitions of one topic, truncates among them: the tables equal the
// model, which is told everything in the order of the source, however the partitions interleave,
// wherever batches are cut and the worker is stopped.
#include "tests/fakes/seeds.h"
#include "tests/ingest/history_test.h"
#include "tests/ingest/partitioned_source.h"
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

constexpr std::string_view kMarker = "__debezium_unavailable_value";
constexpr size_t kColumnV = 1;

struct Shape {
  int32_t partitions = 1;
  bool has_key = true;
  // It is read while it is written: what the partitions have is not all there to be compared. So
  // nothing may hang on it but truncates, whose transactions have a time of their own each.
  bool is_live = false;
};

// Two tables (id, v, w) of a source, and what its connector writes of them into one topic.
class PartitionedTables {
 public:
  PartitionedTables(const Shape& shape, unsigned seed, PartitionedTopic& topic)
      : shape_(shape), seed_(seed), random_(seed), topic_(topic) {}

  static std::string topic_name(unsigned seed) { return fmt::format("srv.public{}", seed); }

  void transaction() {
    table_ = static_cast<size_t>(random_.below(2));
    ts_us_ = shape_.is_live ? ts_us_ + 1 + random_.below(1000) : random_.time_us();
    const int dice = random_.below(12);
    if (dice == 0) {
      // One time for all of it.
      if (!shape_.is_live) insert();
      truncate();
      insert();
    } else if (dice == 1) {
      truncate();
    } else {
      for (int i = 1 + random_.below(3); i > 0; --i) change();
    }
    committed_ = lsn_;
  }

  void expect_stored(catalog::Connection& connection) const {
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(shown(stored_rows(connection, "public", name(i), {"id", "v", "w"})),
                shown(models_[i].rows()))
          << name(i);
    }
  }
  int below(int bound) { return random_.below(bound); }

 private:
  [[nodiscard]] std::string name(size_t table) const { return fmt::format("t{}_{}", seed_, table); }
  std::vector<ModelValues>& rows() { return rows_[table_]; }
  RowsModel& model() { return models_[table_]; }

  std::optional<std::string> value() {
    // A row that comes back with the values that it had when a truncate was late is not told apart.
    if (shape_.is_live) return "v" + std::to_string(++values_);
    if (random_.one_in(5)) return std::nullopt;
    return "v" + std::to_string(random_.below(3));
  }
  [[nodiscard]] size_t pick() {
    return static_cast<size_t>(random_.below(static_cast<int>(rows().size())));
  }
  bool is_taken(const std::string& id) {
    return shape_.has_key &&
           std::ranges::any_of(rows(), [&](const ModelValues& row) { return row[0] == id; });
  }

  void change() {
    const int dice = random_.below(10);
    if (rows().empty() || dice < 4) {
      insert();
    } else if (dice < 6) {
      update(pick());
    } else if (dice < 8) {
      remove(pick());
    } else {
      move(pick());
    }
  }
  void truncate() {
    say('t', std::nullopt, std::nullopt);
    model().truncate("", ts_us_);
    rows().clear();
  }
  void insert() {
    const std::string id = std::to_string(random_.below(8));
    if (is_taken(id)) return;
    const ModelValues row = {id, value(), value()};
    say('c', std::nullopt, row);
    if (shape_.has_key) {
      model().upsert("", ts_us_, row);
    } else {
      model().insert("", ts_us_, row);
    }
    rows().push_back(row);
  }
  void update(size_t at) {
    const ModelValues before = rows()[at];
    ModelValues& row = rows()[at];
    row[2] = value();
    const bool is_withheld = shape_.has_key && random_.one_in(2);
    if (!is_withheld) row[kColumnV] = value();
    say('u', before, row, is_withheld);
    if (shape_.has_key) {
      model().upsert("", ts_us_, row,
                     is_withheld ? std::vector<size_t>{kColumnV} : std::vector<size_t>{});
    } else {
      EXPECT_TRUE(model().replace("", ts_us_, before, row));
    }
  }
  void remove(size_t at) {
    const ModelValues row = rows()[at];
    say('d', row, std::nullopt);
    if (shape_.has_key) {
      model().remove("", ts_us_, row);
    } else {
      EXPECT_TRUE(model().replace("", ts_us_, row, std::nullopt));
    }
    rows().erase(rows().begin() + static_cast<ptrdiff_t>(at));
  }
  // A key change is a delete in one partition and an insert in another.
  void move(size_t at) {
    const ModelValues from = rows()[at];
    ModelValues to = from;
    to[0] = std::to_string(random_.below(8));
    if (!shape_.has_key || is_taken(*to[0])) return;
    to[2] = value();
    say('d', from, std::nullopt);
    model().remove("", ts_us_, from);
    const bool is_withheld = !shape_.is_live && random_.one_in(2);
    say('c', std::nullopt, to, is_withheld, from);
    model().upsert("", ts_us_, to,
                   is_withheld ? std::vector<size_t>{kColumnV} : std::vector<size_t>{}, from);
    rows()[at] = to;
  }

  static std::string json(const ModelValues& row, bool is_withheld) {
    return fmt::format(R"({{"id":{},"v":{},"w":{}}})", *row[0],
                       tests::quoted(is_withheld ? std::string(kMarker) : row[1]),
                       tests::quoted(row[2]));
  }
  static std::string key_of(const ModelValues& row) {
    return key_json({{"id", "int32", "", ""}}, fmt::format(R"({{"id":{}}})", *row[0]));
  }

  void say(char op, const std::optional<ModelValues>& before,
           const std::optional<ModelValues>& after, bool is_withheld = false,
           const std::optional<ModelValues>& old_key = std::nullopt) {
    TestEnvelope envelope;
    envelope.op = op;
    if (after) envelope.after = json(*after, is_withheld);
    if (before && (!shape_.has_key || !after)) envelope.before = json(*before, false);
    envelope.source = fmt::format(
        R"({{"version":"3.4.1.Final","connector":"postgresql","name":"srv","ts_ms":{},"snapshot":)"
        R"("false","db":"shop","sequence":"[\"{}\",\"{}\"]","ts_us":{},"schema":"public",)"
        R"("table":"{}"}})",
        ts_us_ / 1000, committed_, ++lsn_, ts_us_, name(table_));
    ingest::RecordedMessage message;
    message.topic = topic_name(seed_);
    message.timestamp_ms = ts_us_ / 1000;
    message.value = change_json(
        {{"id", "int32", "", ""}, {"v", "string", "", ""}, {"w", "string", "", ""}}, envelope);
    message.partition = random_.below(shape_.partitions);
    if (op != 't' && shape_.has_key) {
      const ModelValues& row = after ? *after : *before;
      message.key = key_of(row);
      message.partition = std::stoi(*row[0]) % shape_.partitions;
    }
    if (old_key) message.headers = {{"__debezium.oldkey", key_of(*old_key)}};
    topic_.add(std::move(message));
  }

  const Shape& shape_;
  unsigned seed_;
  Random random_;
  PartitionedTopic& topic_;
  size_t table_ = 0;
  int64_t ts_us_ = kBaseUs;
  uint64_t lsn_ = 1000;
  uint64_t committed_ = 1000;
  int values_ = 0;
  std::vector<std::vector<ModelValues>> rows_{2};
  std::vector<RowsModel> models_{2, RowsModel({0})};
};

class OrderProperty : public WorkerTest {
 protected:
  void begin_life(const std::shared_ptr<PartitionedTopic>& topic, int32_t partitions) {
    worker_.reset();
    worker_ = std::make_unique<ingest::Worker>(
        catalog_, source_, [=](const catalog::DataSource&, const catalog::Snapshot&) {
          return std::make_unique<PartitionedSource>(topic, partitions);
        });
  }
  bool is_applied(const PartitionedTopic& topic) {
    std::map<int32_t, int64_t> reached;
    const catalog::Result rows = watcher_.exec(
        "SELECT part, next_offset FROM metadb.ingest_position WHERE topic = $1", {topic.name()});
    for (int row = 0; row < rows.rows(); ++row)
      reached[static_cast<int32_t>(rows.int64(row, 0))] = rows.int64(row, 1);
    return topic.is_written() && std::ranges::all_of(topic.ends(), [&](const auto& end) {
             return reached[end.first] == end.second;
           });
  }

  void check(const Shape& shape, unsigned seed) {
    SCOPED_TRACE(fmt::format("{} partitions, seed {}", shape.partitions, seed));
    const auto topic = std::make_shared<PartitionedTopic>(seed);
    PartitionedTables tables(shape, seed, *topic);
    for (int i = 0; i < 120; ++i) tables.transaction();
    if (shape.is_live) {
      topic->write_bit_by_bit();
    } else {
      topic->write_all();
    }
    source_.options["writers"] = std::to_string(1 + tables.below(3));
    for (int life = tables.below(4); life > 0; --life) {
      store_setting(watcher_, "checkpoint_segment_size", std::to_string(1 + tables.below(40)));
      begin_life(topic, shape.partitions);
      const int64_t before = applied();
      const int64_t more = 1 + tables.below(60);
      EXPECT_TRUE(eventually([&] { return applied() > before + more || is_applied(*topic); }));
      stop();
    }
    begin_life(topic, shape.partitions);
    ASSERT_TRUE(eventually([&] { return is_applied(*topic); })) << status().last_error;
    stop();
    tables.expect_stored(watcher_);
    EXPECT_EQ(count("metadb.dead_letter"), 0);
  }
};

TEST_F(OrderProperty, TablesFollowTheSourceWhereTheTopicIsReadFromBehind) {
  for (unsigned seed = 1; seed <= seeds(15) && !HasFailure(); ++seed)
    check({.partitions = 1 + static_cast<int32_t>(seed % 5)}, seed);
}

TEST_F(OrderProperty, RowsWithoutKeyFollowTheSource) {
  for (unsigned seed = 101; seed <= 100 + seeds(8) && !HasFailure(); ++seed)
    check({.partitions = 2 + static_cast<int32_t>(seed % 4), .has_key = false}, seed);
}

TEST_F(OrderProperty, TruncatesComeInTheirPlaceWhereTheTopicIsReadAsItIsWritten) {
  for (unsigned seed = 201; seed <= 200 + seeds(15) && !HasFailure(); ++seed)
    check({.partitions = 2 + static_cast<int32_t>(seed % 4), .is_live = true}, seed);
}

// Its broker has shown it late.
TEST_F(OrderProperty, RowThatComesBehindTheTruncateThatEndedItEnds) {
  RecordedTopics topics;
  topics.add({.id = 1, .lsn = 10, .partition = 0});
  topics.add({.id = 2, .lsn = 20, .partition = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  topics.add({.op = 't', .ts_us = kBaseUs + 50, .lsn = 50, .partition = 0});
  ASSERT_TRUE(catches_up(topics));
  topics.add({.id = 2, .value = "y", .ts_us = kBaseUs + 30, .lsn = 30, .partition = 1});
  topics.add({.id = 3, .ts_us = kBaseUs + 40, .lsn = 40, .partition = 1});
  topics.add({.id = 4, .ts_us = kBaseUs + 60, .lsn = 60, .partition = 1});
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT id FROM t"), testing::ElementsAre("4"));
  EXPECT_THAT(rows(fmt::format("SELECT id, (extract(epoch FROM __start) * 1000000)::bigint - {0}, "
                               "(extract(epoch FROM __end) * 1000000)::bigint - {0} FROM t__ WHERE "
                               "id = 3",
                               kBaseUs)),
              testing::ElementsAre("3,40,50"));
}

// Nothing of its topic is applied meanwhile; it is no silent stop.
TEST_F(OrderProperty, PartitionThatIsWaitedForIsNamed) {
  const auto topic = std::make_shared<PartitionedTopic>(1);
  for (const int32_t partition : {0, 1})
    topic->add(recorded({.id = 1 + partition, .lsn = 100, .partition = partition}));
  topic->write_all();
  topic->silence(1);
  begin_life(topic, 2);
  EXPECT_TRUE(eventually([&] { return !status().wait.empty(); }));
  EXPECT_THAT(status().wait, testing::HasSubstr("waits for partition 1"));
  topic->silence(-1);
  EXPECT_TRUE(eventually([&] { return is_applied(*topic) && status().wait.empty(); }));
  EXPECT_EQ(count("t"), 2);
}

}  // namespace
}  // namespace metadb::tests
