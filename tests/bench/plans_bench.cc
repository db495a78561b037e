// What a batch costs next to a long history: plans_bench CONNINFO ROWS...
// What a snapshot costs with its indexes and before them: plans_bench CONNINFO snapshot ROWS
//
// For each number of ROWS a table of its own: a million current rows, and so many versions in ten
// years, filled by PostgreSQL itself. Then batches of the product's own, through its Applier.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "ingest/apply.h"
#include "tests/ingest/changes.h"

namespace {

using metadb::catalog::Catalog;
using metadb::catalog::Connection;
using metadb::catalog::PgType;
using metadb::catalog::Table;
using metadb::ingest::Applier;
using metadb::ingest::Batch;
using metadb::ingest::Change;
using metadb::ingest::Op;
using metadb::tests::Cell;
using metadb::tests::ChangeMaker;
using Clock = std::chrono::steady_clock;

constexpr int64_t kKeys = 1'000'000;
constexpr int kFirstYear = 2011;
constexpr int kYears = 10;
constexpr int kChanges = 3'000;  // in a batch
constexpr int kBatches = 15;
constexpr int64_t kNowUs = 1'700'000'000'000'000;  // 2023-11-14
constexpr int64_t kMonthUs = 30LL * 86'400'000'000;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Blocks that sessions which have ended have read in this database, from memory or not.
int64_t blocks_read(Connection& connection) {
  return connection
      .exec("SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()")
      .int64(0, 0);
}

class Bench {
 public:
  Bench(Catalog& catalog, Connection& connection, int64_t rows)
      : catalog_(catalog),
        connection_(connection),
        rows_(rows),
        name_(fmt::format("t{}", rows)),
        maker_{metadb::tests::event_table(name_),
               metadb::tests::schema_of({{"id", PgType::int8}, {"v", PgType::text}}, {0})} {}

  void run() {
    const auto begin = Clock::now();
    fill();
    const double filled = seconds_since(begin);
    const double session = measured([] {}, [](Applier&) {}).blocks;
    fmt::print("{:>12} versions, filled in {:.0f} s\n", rows_, filled);
    show("updates", update_batches(), session);
    show("inserts of keys that ended later", late_batches(), session);
    show("key changes with unavailable values", moved_batches(), session);
    (void)std::fflush(stdout);
  }

 private:
  struct Measured {
    std::vector<double> seconds;  // of each batch
    double blocks = 0;            // of all, and of the session
    int changes = kChanges;
  };

  void fill() {
    {
      Applier applier(catalog_, {"bench", {}});
      Batch first;
      add(first, Op::create, 0, kNowUs, Cell::text("first"));
      applier.apply(first);
    }
    const Table& table = *catalog_.snapshot()->tables.at({"public", name_});
    connection_.exec("SET maintenance_work_mem = '512MB'; SET synchronous_commit = off");
    connection_.exec(fmt::format(
        "INSERT INTO {} (__id, __start, __end, __current, id, v) SELECT nextval('{}'), timestamptz "
        "'{}-06-01 00:00:00+00' + i % 10000000 * interval '1 s', '9999-12-31 00:00:00+00', true, "
        "i, 'value ' || i FROM generate_series(1, {}) i",
        table.current(), table.id_sequence, kFirstYear + kYears - 1, kKeys - 1));
    for (int year = kFirstYear; year < kFirstYear + kYears; ++year) fill_year(table, year);
    connection_.exec(fmt::format("ANALYZE {}", table.main()));
    catalog_.reload(connection_);
    connection_.exec("CHECKPOINT");
  }

  // Indexes come after the rows: that is faster, and they are the same.
  void fill_year(const Table& table, int year) {
    const std::string leaf = table.leaf(year);
    connection_.exec(fmt::format("CREATE TABLE {} (LIKE {})", leaf, table.history()));
    connection_.exec(fmt::format(
        "INSERT INTO {} (__id, __start, __end, __current, __origin, id, v) SELECT nextval('{}'), "
        "timestamptz '{}-01-01 00:00:00+00' + i % 10000000 * interval '1 s', timestamptz '{}-05-01 "
        "00:00:00+00' + i % 10000000 * interval '1 s', false, '', i::bigint * 7919 % {}, 'value ' "
        "|| i "
        "FROM "
        "generate_series(1, {}) i",
        leaf, table.id_sequence, year, year, kKeys, rows_ / kYears));
    for (const char* index : {"(__id)", "(id)"})
      connection_.exec(fmt::format("CREATE INDEX ON {} {}", leaf, index));
    connection_.exec(
        fmt::format("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ('{}-01-01 "
                    "00:00:00+00') TO ('{}-01-01 00:00:00+00')",
                    table.history(), leaf, year, year + 1));
  }

  void add(Batch& batch, Op op, int64_t key, int64_t ts_us, const Cell& value,
           std::optional<int64_t> old_key = {}) {
    Change change = maker_.make(op, ts_us, {Cell::int8(key), value});
    if (old_key) {
      std::string fields;
      metadb::ingest::append_text(fields, Cell::int8(*old_key).bytes);
      change.fill_key = fields;
    }
    batch.add(change, metadb::tests::message_at(offset_++));
  }

  int64_t random_key() { return std::uniform_int_distribution<int64_t>(1, kKeys - 1)(random_); }

  // The session of `work` has ended, and what it has read is counted, when this returns.
  template <class Prepare, class Work>
  Measured measured(const Prepare& prepare, const Work& work) {
    prepare();
    Measured out;
    const int64_t before = blocks_read(connection_);
    {
      Applier applier(catalog_, {"bench", {}});
      if constexpr (std::is_same_v<decltype(work(applier)), void>) {
        work(applier);
      } else {
        out.seconds = work(applier);
      }
    }
    while (connection_
               .exec("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'metadb' AND "
                     "datname = current_database() AND pid <> pg_backend_pid()")
               .int64(0, 0) > 0) {
    }
    out.blocks = static_cast<double>(blocks_read(connection_) - before);
    return out;
  }

  template <class Fill>
  std::vector<double> apply_batches(Applier& applier, const Fill& fill) {
    std::vector<double> out;
    for (int number = 0; number < kBatches; ++number) {
      Batch batch;
      fill(batch, number);
      const auto begin = Clock::now();
      applier.apply(batch);
      out.push_back(seconds_since(begin));
    }
    return out;
  }

  Measured update_batches() {
    return measured([] {},
                    [&](Applier& applier) {
                      return apply_batches(applier, [&](Batch& batch, int number) {
                        for (int i = 0; i < kChanges; ++i) {
                          add(batch, Op::update, random_key(), kNowUs + number,
                              Cell::text(fmt::format("update {}", offset_)));
                        }
                      });
                    });
  }

  // History is asked when they ended.
  Measured late_batches() {
    const auto key = [](int number, int i) { return number * kChanges + i + 1; };
    return measured(
        [&] {
          Applier applier(catalog_, {"bench", {}});
          apply_batches(applier, [&](Batch& batch, int number) {
            for (int i = 0; i < kChanges; ++i)
              add(batch, Op::remove, key(number, i), kNowUs + kMonthUs, Cell::null());
          });
        },
        [&](Applier& applier) {
          return apply_batches(applier, [&](Batch& batch, int number) {
            for (int i = 0; i < kChanges; ++i)
              add(batch, Op::create, key(number, i), kNowUs, Cell::text("again"));
          });
        });
  }

  // Each is a run of its own.
  Measured moved_batches() {
    constexpr int kMoves = 100;
    Measured out = measured([] {},
                            [&](Applier& applier) {
                              return apply_batches(applier, [&](Batch& batch, int number) {
                                for (int i = 0; i < kMoves; ++i) {
                                  const int64_t old_key = kKeys / 2 + number * kMoves + i;
                                  add(batch, Op::remove, old_key, kNowUs, Cell::null());
                                  add(batch, Op::create, kKeys + old_key, kNowUs,
                                      Cell::unavailable(), old_key);
                                }
                              });
                            });
    out.changes = 2 * kMoves;
    return out;
  }

  static void show(const char* what, Measured measured, double session_blocks) {
    std::ranges::sort(measured.seconds);
    const double median = measured.seconds[measured.seconds.size() / 2];
    const double blocks = (measured.blocks - session_blocks) / kBatches;
    fmt::print("{:>12} {:36} {:8.1f} ms a batch of {}, {:8.0f} buffers, {:5.1f} a change\n", "",
               what, median * 1e3, measured.changes, blocks, blocks / measured.changes);
  }

  Catalog& catalog_;
  Connection& connection_;
  int64_t rows_;
  std::string name_;
  ChangeMaker maker_;
  int64_t offset_ = 0;
  std::mt19937_64 random_{1};
};

// Rows of half a kilobyte with uuids for a key and for two others, in batches of 4 MB.
double load_seconds(Catalog& catalog, Connection& connection, int64_t rows, bool has_indexes) {
  constexpr int64_t kRowsInBatch = 8'000;
  const ChangeMaker maker{
      metadb::tests::event_table(has_indexes ? "indexed" : "lazy"),
      metadb::tests::schema_of(
          {{"id", PgType::uuid}, {"a", PgType::uuid}, {"b", PgType::uuid}, {"v", PgType::text}},
          {0})};
  std::mt19937_64 random(1);
  const auto uuid = [&] {
    std::string bytes;
    for (int half = 0; half < 2; ++half)
      metadb::ingest::append_big_endian<int64_t>(bytes, static_cast<int64_t>(random()));
    return Cell::text(bytes);
  };
  int64_t offset = 0;
  const auto add = [&](Batch& batch, Op op) {
    batch.add(maker.make(op, kNowUs, {uuid(), uuid(), uuid(), Cell::text(std::string(400, 'v'))}),
              metadb::tests::message_at(offset++));
  };
  if (has_indexes) {
    Applier applier(catalog, {"bench", {}});
    Batch first;
    add(first, Op::create);
    applier.apply(first);
  }
  Applier applier(catalog, {"bench", {}});
  double seconds = 0;
  for (int64_t done = 0; done < rows; done += kRowsInBatch) {
    Batch batch;
    for (int64_t i = 0; i < kRowsInBatch; ++i) add(batch, Op::read);
    const auto begin = Clock::now();
    applier.apply(batch);
    seconds += seconds_since(begin);
  }
  connection.exec("UPDATE metadb.table_update SET last_update = now() - interval '1 min'");
  const auto begin = Clock::now();
  applier.tidy_up(begin + std::chrono::minutes(1));
  seconds += seconds_since(begin);
  if (connection.exec("SELECT count(*) FROM metadb.managed_table WHERE lacks_indexes").int64(0, 0) >
      0)
    throw std::runtime_error("indexes are lacking still");
  return seconds;
}

void compare_snapshots(Catalog& catalog, Connection& connection, int64_t rows) {
  const double lazy = load_seconds(catalog, connection, rows, false);
  const double indexed = load_seconds(catalog, connection, rows, true);
  fmt::print(
      "snapshot of {} rows: {:.1f} s with indexes from the start, {:.1f} s with indexes "
      "afterwards\n",
      rows, indexed, lazy);
}

}  // namespace

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::warn);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 2) {
    fmt::print(stderr, "usage: plans_bench CONNINFO ROWS...\n");
    return 2;
  }
  try {
    Catalog catalog({arguments[0], arguments[0]});
    catalog.open("bench");
    Connection connection(
        metadb::catalog::conninfo_with(arguments[0], {{"application_name", "bench"}}));
    const bool is_snapshot = arguments[1] == "snapshot";
    for (size_t i = is_snapshot ? 2 : 1; i < arguments.size(); ++i) {
      int64_t rows = 0;
      std::from_chars(arguments[i].data(), arguments[i].data() + arguments[i].size(), rows);
      if (is_snapshot) {
        compare_snapshots(catalog, connection, rows);
      } else {
        Bench(catalog, connection, rows).run();
      }
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
