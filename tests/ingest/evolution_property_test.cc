// Random histories whose tables change shape on the way: columns widen, come and go, the key
// changes, two origins feed one table, and transactions fail at random.
#include <spdlog/spdlog.h>

#include "catalog/consistency.h"
#include "tests/ingest/history_test.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Op;

const std::vector<std::string> kColumns = {"id", "a", "b", "c"};

// What events look like for a while.
struct Phase {
  std::vector<std::pair<size_t, PgType>> columns;  // indexes into kColumns
  std::vector<size_t> key;                         // indexes into kColumns
};

const std::vector<Phase> kPhases = {
    {{{0, PgType::int4}, {1, PgType::int4}, {2, PgType::text}}, {0}},
    {{{0, PgType::int4}, {1, PgType::int8}, {2, PgType::text}}, {0}},
    {{{0, PgType::int4}, {1, PgType::int8}, {3, PgType::int4}, {2, PgType::text}}, {0}},
    {{{0, PgType::int8}, {1, PgType::text}, {2, PgType::text}, {3, PgType::int4}}, {0}},
    {{{0, PgType::int8}, {1, PgType::text}, {3, PgType::int4}}, {0}},
    {{{0, PgType::int8}, {1, PgType::text}, {3, PgType::int4}}, {0, 1}},
    {{{0, PgType::int8}, {3, PgType::numeric}, {1, PgType::text}}, {0}},
};

Cell cell_of(PgType type, const std::string& value) {
  switch (type) {
    case PgType::int4:
      return Cell::int4(std::stoi(value));
    case PgType::int8:
      return Cell::int8(std::stoi(value));
    case PgType::numeric: {
      // One digit, weight 0 (PostgreSQL, numeric_send).
      Cell cell{Cell::Kind::value, ""};
      for (const auto word : {int16_t{1}, int16_t{0}, int16_t{0}, int16_t{0}})
        ingest::append_big_endian<int16_t>(cell.bytes, word);
      ingest::append_big_endian<int16_t>(cell.bytes, static_cast<int16_t>(std::stoi(value)));
      return cell;
    }
    default:
      return Cell::text(value);
  }
}

struct Event {
  size_t phase = 0;
  Op op = Op::update;
  int64_t ts_us = 0;
  ModelValues values;
  std::vector<size_t> unavailable;
};

class Events {
 public:
  Events(unsigned seed, size_t phases) : random_(seed), phases_(phases) {}

  std::vector<Event> make(int per_phase) {
    std::vector<Event> out;
    for (size_t phase = 0; phase < phases_; ++phase) {
      for (int i = 0; i < per_phase; ++i) out.push_back(event(phase, phase == 0 && i < 6));
    }
    return out;
  }

 private:
  Event event(size_t phase, bool is_snapshot) {
    Event event{phase, is_snapshot ? Op::read : Op::update, random_.time_us(), {}, {}};
    event.values.resize(kColumns.size());
    const Phase& shape = kPhases[phase];
    const int dice = is_snapshot ? 19 : random_.below(20);
    if (dice < 3) event.op = Op::remove;
    if (dice == 3) event.op = Op::truncate;
    if (event.op == Op::truncate) return event;
    for (const auto& [column, type] : shape.columns) {
      const bool is_key = std::ranges::find(shape.key, column) != shape.key.end();
      if (event.op == Op::remove && !is_key) continue;
      if (!is_key && dice > 12 && dice < 18 && random_.one_in(2)) {
        event.unavailable.push_back(column);
      } else if (is_key || !random_.one_in(5)) {
        event.values[column] = std::to_string(1 + random_.below(column == 0 ? 4 : 3));
      }
    }
    return event;
  }

  Random random_;
  size_t phases_;
};

class Feeder {
 public:
  explicit Feeder(std::shared_ptr<const ingest::EventTable> table) : table_(std::move(table)) {
    for (const Phase& phase : kPhases) {
      std::vector<ingest::EventColumn> columns;
      std::vector<uint16_t> key(phase.key.size());
      for (const auto& [column, type] : phase.columns) {
        const auto found = std::ranges::find(phase.key, column);
        if (found != phase.key.end())
          key[static_cast<size_t>(found - phase.key.begin())] =
              static_cast<uint16_t>(columns.size());
        columns.push_back({kColumns[column], type});
      }
      schemas_.push_back(schema_of(std::move(columns), std::move(key)));
    }
  }

  [[nodiscard]] ingest::Change change(const Event& event) const {
    std::vector<Cell> cells;
    for (const auto& [column, type] : kPhases[event.phase].columns) {
      const bool lacks = std::ranges::find(event.unavailable, column) != event.unavailable.end();
      const auto& value = event.values[column];
      cells.push_back(lacks ? Cell::unavailable() : value ? cell_of(type, *value) : Cell::null());
    }
    return ChangeMaker{table_, schemas_[event.phase]}.make(event.op, event.ts_us, cells);
  }

 private:
  std::shared_ptr<const ingest::EventTable> table_;
  std::vector<std::shared_ptr<const ingest::RowSchema>> schemas_;
};

void feed(RowsModel& model, const std::string& origin, const Event& event) {
  switch (event.op) {
    case Op::truncate:
      model.truncate(origin, event.ts_us);
      break;
    case Op::remove:
      model.remove(origin, event.ts_us, event.values);
      break;
    default:
      model.upsert(origin, event.ts_us, event.values, event.unavailable);
  }
}

// The model after all events of one source table; an empty key change between two phases with
// different keys takes effect with the first event that carries rows.
RowsModel model_of(const std::vector<Event>& events) {
  RowsModel model(kPhases[0].key);
  std::vector<size_t> key = kPhases[0].key;
  for (const Event& event : events) {
    if (event.op != Op::truncate && kPhases[event.phase].key != key) {
      key = kPhases[event.phase].key;
      model.change_key(key);
    }
    feed(model, "", event);
  }
  return model;
}

class EvolutionProperty : public HistoryTest {
 protected:
  // Applies the batch whenever it must be cut or chance says so.
  static void apply_all(const std::vector<Event>& events, const Feeder& feeder, Random& random) {
    ingest::Applier applier(*catalog_, {"src", {}});
    auto batch = std::make_unique<ingest::Batch>();
    const int cut_one_in = 1 + random.below(12);
    int64_t offset = 0;
    for (const Event& event : events) {
      const ingest::Change change = feeder.change(event);
      if (batch->must_cut(change) || random.one_in(cut_one_in)) {
        applier.apply(*batch);
        batch = std::make_unique<ingest::Batch>();
      }
      batch->add(change, message_at(offset++));
    }
    applier.apply(*batch);
  }

  static void expect_rows(const std::string& schema, const std::string& table,
                          const RowsModel& model) {
    catalog::Connection connection = database_->connect();
    EXPECT_EQ(shown(stored_rows(connection, schema, table, kColumns)), shown(model.rows()));
    const auto known = catalog::load_tables(connection, catalog::TableName(schema, table));
    ASSERT_EQ(known.size(), 1U);
    const catalog::Transaction transaction(connection);
    const catalog::Findings findings = catalog::check_table(connection, known[0]);
    for (const catalog::Violation& violation : findings.violations)
      ADD_FAILURE() << violation.message << ": " << violation.detail;
    EXPECT_EQ(dead_letters(), 0);
  }
};

TEST_F(EvolutionProperty, TablesFollowColumnsAndKeysThatChange) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const std::string table = fmt::format("evolving{}", seed);
    const std::vector<Event> events = Events(seed, kPhases.size()).make(15);
    Random random(seed);
    apply_all(events, Feeder(event_table(table)), random);
    expect_rows("public", table, model_of(events));
  }
}

TEST_F(EvolutionProperty, OriginsOfOneTableDoNotMix) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const std::string table = fmt::format("shared{}", seed);
    const auto of_tenant = [&](const std::string& tenant) {
      return std::make_shared<const ingest::EventTable>(
          ingest::EventTable{"srv", "shop", tenant + "_sales", table});
    };
    const Feeder first(of_tenant("east"));
    const Feeder second(of_tenant("west"));
    const std::vector<Event> of_first = Events(seed, 5).make(8);
    const std::vector<Event> of_second = Events(seed + 100, 2).make(20);
    have_origins();
    ingest::Applier applier(*catalog_, {"src", {}});
    RowsModel model({0});
    Random random(seed);
    auto batch = std::make_unique<ingest::Batch>();
    for (size_t i = 0; i < of_first.size(); ++i) {
      feed(model, "east", of_first[i]);
      feed(model, "west", of_second[i]);
      batch->add(first.change(of_first[i]), message_at(static_cast<int64_t>(2 * i)));
      batch->add(second.change(of_second[i]), message_at(static_cast<int64_t>(2 * i + 1)));
      if (!random.one_in(5)) continue;
      applier.apply(*batch);
      batch = std::make_unique<ingest::Batch>();
    }
    applier.apply(*batch);
    expect_rows("sales", table, model);
  }
}

// Every so many rows written, the writing backend is killed in the middle of its transaction.
void install_failpoint(catalog::Connection& connection, const std::string& table) {
  connection.exec(fmt::format(
      "CREATE SEQUENCE {0}_strokes; CREATE FUNCTION {0}_strike() RETURNS trigger LANGUAGE plpgsql "
      "AS $$ BEGIN IF pg_catalog.nextval('public.{0}_strokes') % 7 = 0 THEN PERFORM "
      "pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()); END IF; RETURN NEW; END $$; "
      "CREATE TRIGGER strike BEFORE INSERT ON {0} FOR EACH ROW EXECUTE FUNCTION {0}_strike()",
      table));
}

TEST_F(EvolutionProperty, FailedTransactionsLeaveNothingAndAreDoneAgain) {
  spdlog::set_level(spdlog::level::critical);
  int failures = 0;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const std::string table = fmt::format("failing{}", seed);
    const std::string topic = "srv.public." + table;
    const std::vector<Event> events = Events(seed, kPhases.size()).make(12);
    const Feeder feeder(event_table(table));
    Random random(seed);
    catalog::Connection connection = database_->connect();
    bool has_failpoint = false;
    for (size_t at = 0; at < events.size();) {
      ingest::Applier applier(*catalog_, {"src", {}});
      catalog::Position position = take_over(connection, "src", {{topic, 0}}, "").at({topic, 0});
      at = position.next_offset < 0 ? 0 : static_cast<size_t>(position.next_offset);
      while (at < events.size()) {
        ingest::Batch batch;
        const size_t end = std::min(events.size(), at + 1 + static_cast<size_t>(random.below(9)));
        for (; at < end && !batch.must_cut(feeder.change(events[at])); ++at)
          batch.add(feeder.change(events[at]), message_at(static_cast<int64_t>(at), topic));
        position.next_offset = static_cast<int64_t>(at);
        batch.touched.insert({topic, 0});
        batch.positions[{topic, 0}] = position;
        if (random.one_in(10)) take_over(connection, "src", {{topic, 0}}, "");
        try {
          applier.apply(batch);
        } catch (const catalog::Error&) {
          ++failures;
          break;
        }
        if (!has_failpoint) install_failpoint(connection, table);
        has_failpoint = true;
      }
      if (at >= events.size()) {
        at = static_cast<size_t>(
            take_over(connection, "src", {{topic, 0}}, "").at({topic, 0}).next_offset);
      }
    }
    expect_rows("public", table, model_of(events));
  }
  EXPECT_GT(failures, 10);
  spdlog::set_level(spdlog::level::err);
}

}  // namespace
}  // namespace metadb::tests
