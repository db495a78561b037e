// Random histories of all kinds at once: rows with key and rows with NULL in it, two origins in one
// table, snapshots, chains and swaps of keys, values that PostgreSQL refuses, years apart, on
// tables that are rewritten between two batches.
#include "catalog/consistency.h"
#include "tests/fakes/seeds.h"
#include "tests/ingest/mixed_feeder.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
class MixedProperty : public HistoryTest {
 protected:
  // What users and autovacuum do to a table.
  static void disturb(const std::string& table, Random& random) {
    catalog::Connection connection = database_->connect();
    const std::string current = catalog::quote_qualified("sales", table);
    switch (random.below(6)) {
      case 0:
        connection.exec("VACUUM " + current);
        break;
      case 1:
        connection.exec("VACUUM FULL " + current);
        break;
      case 2:
        connection.exec("ANALYZE " + current + "; ANALYZE sales." +
                        catalog::quote_identifier(table + "__"));
        break;
      case 3:
        connection.exec("UPDATE " + current + " SET a = a WHERE __id % 2 = 0");
        break;
      default:
        catalog_->reload(connection);
    }
  }

  static void check(const MixedShape& shape, unsigned seed) {
    SCOPED_TRACE(fmt::format("keys {}, seed {}", shape.name, seed));
    const std::string table = fmt::format("{}_{}", shape.name, seed);
    Random random(seed);
    MixedFeeder of_east(shape, "east", table);
    MixedFeeder of_west(shape, "west", table);
    MixedSource east(shape, "east", random);
    MixedSource west(shape, "west", random);
    RowsModel model(shape.has_part ? std::vector<size_t>{kColumnKey, kColumnPart}
                                   : std::vector<size_t>{kColumnKey});
    std::optional<ingest::Applier> applier(std::in_place, *catalog_,
                                           ingest::TableShaper::Context{"src", {}});
    const int64_t letters_before = dead_letters();
    int64_t letters = 0;
    auto batch = std::make_unique<ingest::Batch>();
    int64_t offset = 0;
    const int cut_one_in = 1 + random.below(20);
    for (int i = 0; i < 60; ++i) {
      const bool is_east = random.one_in(2);
      MixedSource& source = is_east ? east : west;
      const bool is_snapshot = i == 15 || (!shape.may_lack_key() && random.one_in(20));
      for (const MixedEvent& event : is_snapshot ? source.snapshot() : source.transaction()) {
        // Its topic begins with its snapshot.
        if (i < 15) continue;
        letters += feed(shape, model, event) ? 1 : 0;
        batch->add(
            (is_east ? of_east : of_west).change(event),
            message_alone_at(offset++, fmt::format("srv.{}.{}", is_east ? "east" : "west", table)));
        if (!random.one_in(cut_one_in)) continue;
        applier->apply(*batch);
        batch = std::make_unique<ingest::Batch>();
        if (random.one_in(4)) disturb(table, random);
        if (random.one_in(6)) applier.emplace(*catalog_, ingest::TableShaper::Context{"src", {}});
      }
    }
    applier->apply(*batch);
    catalog::Connection connection = database_->connect();
    EXPECT_EQ(shown(stored(connection, shape, table)), shown(with_unseen(model.rows())));
    EXPECT_EQ(dead_letters() - letters_before, letters);
    const auto known = catalog::load_tables(connection, catalog::TableName("sales", table));
    ASSERT_EQ(known.size(), 1U);
    const catalog::Transaction transaction(connection);
    for (const catalog::Violation& violation :
         catalog::check_table(connection, known[0]).violations)
      ADD_FAILURE() << violation.message << ": " << violation.detail;
  }

  static void check_seeds(const MixedShape& shape, unsigned usual) {
    have_origins();
    const unsigned count = seeds(usual);
    for (unsigned seed = 1; seed <= count && !HasFailure(); ++seed) check(shape, seed);
  }
};

TEST_F(MixedProperty, IntegerKeys) {
  check_seeds({"int", PgType::int4, false, "k::text"}, 6);
}

TEST_F(MixedProperty, TextKeys) {
  check_seeds({"text", PgType::text, false, "k"}, 4);
}

TEST_F(MixedProperty, NumericKeysInAllTheirScales) {
  check_seeds({"numeric", PgType::numeric, false, "trim_scale(k)::text"}, 4);
}

TEST_F(MixedProperty, IntervalKeysInTwoSpellings) {
  check_seeds(
      {"interval", PgType::interval, false, "(extract(epoch FROM k) / 86400)::integer::text"}, 4);
}

TEST_F(MixedProperty, RowsWithKeyBesideRowsWithNullInIt) {
  check_seeds({"part", PgType::int4, true, "k::text"}, 6);
}

TEST_F(MixedProperty, RowsWithoutKey) {
  check_seeds({"none", PgType::int4, true, "k::text", false}, 4);
}

}  // namespace
}  // namespace metadb::tests
