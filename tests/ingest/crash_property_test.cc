// A connection that is lost at any question to PostgreSQL, before it arrives or before it is
// answered: after recovery the tables are those of the model. METADB_SEEDS: at each question, of so
// many histories; else at some of one.
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>

#include "tests/ingest/cutting_relay.h"
#include "tests/ingest/mixed_feeder.h"

namespace metadb::tests {
namespace {

using catalog::PgType;

class CrashProperty : public HistoryTest {
 protected:
  struct History {
    MixedShape shape;
    std::vector<std::vector<MixedEvent>> batches;
  };

  static History history(unsigned seed) {
    History out{{"part", PgType::numeric, true, "trim_scale(k)::text"}, {}};
    Random random(seed);
    MixedSource source(out.shape, "east", random);
    for (int i = 0; i < 6; ++i) source.transaction();
    out.batches.push_back(source.snapshot());
    while (out.batches.size() < 3) {
      std::vector<MixedEvent>& batch = out.batches.emplace_back();
      for (int i = 0; i < 3; ++i) {
        const std::vector<MixedEvent> events = source.transaction();
        batch.insert(batch.end(), events.begin(), events.end());
      }
    }
    return out;
  }

  // Applies from where the position says, as a new start of the source does. Throws what is lost.
  static void go_on(catalog::Catalog& catalog, const History& history, const std::string& table) {
    const std::string topic = "srv." + table;
    catalog::Connection connection = catalog.connect();
    catalog.reload(connection);
    catalog::Position position = take_over(connection, "src", {{topic, 0}}, "").at({topic, 0});
    ingest::Applier applier(catalog, {"src", {}});
    MixedFeeder feeder(history.shape, "east", table);
    int64_t offset = 0;
    for (const std::vector<MixedEvent>& events : history.batches) {
      ingest::Batch batch;
      const int64_t begin = offset;
      for (const MixedEvent& event : events)
        batch.add(feeder.change(event), message_alone_at(offset++, topic));
      // Batches are never cut in two, so that the position is at the end of one.
      if (begin < position.next_offset) continue;
      position.next_offset = offset;
      batch.touched.insert({topic, 0});
      batch.positions[{topic, 0}] = position;
      applier.apply(batch);
    }
  }

  static void expect_model(const History& history, const std::string& table) {
    RowsModel model({kColumnKey, kColumnPart});
    int64_t letters = 0;
    for (const std::vector<MixedEvent>& events : history.batches) {
      for (const MixedEvent& event : events) letters += feed(history.shape, model, event) ? 1 : 0;
    }
    catalog::Connection connection = database_->connect();
    EXPECT_EQ(shown(stored(connection, history.shape, table)), shown(with_unseen(model.rows())));
    EXPECT_EQ(
        connection
            .exec("SELECT count(*) FROM metadb.dead_letter WHERE topic = $1", {"srv." + table})
            .int64(0, 0),
        letters);
  }

  // At each question, or at one in `step`. Returns how often the connection was cut.
  static int check(unsigned seed, int64_t step) {
    const History of_seed = history(seed);
    CuttingRelay relay(server_port());
    catalog::Catalog catalog(
        {catalog::conninfo_with(database_->conninfo(), {{"host", "127.0.0.1"},
                                                        {"port", std::to_string(relay.port())},
                                                        {"sslmode", "disable"},
                                                        {"gssencmode", "disable"}}),
         database_->conninfo()});
    relay.arm(INT64_MAX, CuttingRelay::Cut::before);
    go_on(catalog, of_seed, fmt::format("whole{}", seed));
    expect_model(of_seed, fmt::format("whole{}", seed));
    const int64_t questions = relay.asked();
    int cuts = 0;
    for (int64_t at = 0; at < questions && !HasFailure(); at += step) {
      for (const auto cut : {CuttingRelay::Cut::before, CuttingRelay::Cut::after}) {
        const std::string table = fmt::format("cut{}_{}_{}", seed, at, static_cast<int>(cut));
        SCOPED_TRACE(table);
        relay.arm(at, cut);
        try {
          go_on(catalog, of_seed, table);
        } catch (const catalog::Error&) {
          if (!relay.has_cut()) throw;
          ++cuts;
          relay.disarm();
          go_on(catalog, of_seed, table);
        }
        expect_model(of_seed, table);
      }
    }
    return cuts;
  }
};

TEST_F(CrashProperty, TablesAreThoseOfTheModelWhereverTheConnectionIsLost) {
  have_origins();
  spdlog::set_level(spdlog::level::critical);
  const char* const wanted = std::getenv("METADB_SEEDS");
  if (wanted == nullptr) {
    EXPECT_GT(check(1, 7), 40);
  } else {
    const auto seeds = static_cast<unsigned>(std::strtoul(wanted, nullptr, 10));
    for (unsigned seed = 1; seed <= seeds && !HasFailure(); ++seed) EXPECT_GT(check(seed, 1), 100);
  }
  spdlog::set_level(spdlog::level::err);
}

}  // namespace
}  // namespace metadb::tests
