// Keys that change hands within one transaction: the tables hold what the source holds, however the
// changes are cut into batches.
#include <gmock/gmock.h>

#include <map>

#include "ingest/apply.h"
#include "tests/ingest/apply_fixture.h"

namespace metadb::tests {
namespace {

using ingest::Applier;
using ingest::Batch;
using ingest::Op;
using testing::ElementsAre;

// A table whose unique constraint is checked at the end of a transaction, and what Debezium makes
// of its changes.
class DeferredTable {
 public:
  explicit DeferredTable(ChangeMaker maker) : maker_(std::move(maker)) {}

  void insert(int key, const std::string& value) {
    rows_[key] = value;
    changes_.push_back(maker_.make(Op::create, now_us_, {Cell::int4(key), Cell::text(value)}));
  }
  void update(int key, const std::string& value) {
    rows_[key] = value;
    changes_.push_back(maker_.make(Op::update, now_us_, {Cell::int4(key), Cell::text(value)}));
  }
  void remove(int key) {
    rows_.erase(key);
    remove_displaced(key);
  }
  // The row that had the key before another one was given it.
  void remove_displaced(int key) {
    changes_.push_back(maker_.make(Op::remove, now_us_, {Cell::int4(key), Cell::null()}));
  }
  // One UPDATE of the keys, row after row.
  void move(const std::vector<std::pair<int, int>>& keys) {
    std::map<int, std::string> moved;
    for (const auto& [from, to] : keys) {
      const std::string value = rows_.at(from);
      moved[to] = value;
      changes_.push_back(maker_.make(Op::remove, now_us_, {Cell::int4(from), Cell::null()}));
      ingest::Change made = maker_.make(Op::create, now_us_, {Cell::int4(to), Cell::text(value)});
      std::string old_key;
      ingest::append_text(old_key, Cell::int4(from).bytes);
      made.fill_key = old_key;
      changes_.push_back(std::move(made));
    }
    for (const auto& [from, to] : keys) rows_.erase(from);
    for (auto& [key, value] : moved) rows_[key] = value;
  }
  void commit() { now_us_ += 1'000'000; }
  void sends_again(size_t begin, size_t end) {
    const std::vector<ingest::Change> again(changes_.begin() + static_cast<ptrdiff_t>(begin),
                                            changes_.begin() + static_cast<ptrdiff_t>(end));
    changes_.insert(changes_.begin() + static_cast<ptrdiff_t>(end), again.begin(), again.end());
  }

  [[nodiscard]] const std::vector<ingest::Change>& changes() const { return changes_; }
  [[nodiscard]] std::vector<std::string> shown_rows() const {
    std::vector<std::string> out;
    for (const auto& [key, value] : rows_) out.push_back(fmt::format("{},{}", key, value));
    return out;
  }

 private:
  ChangeMaker maker_;
  std::map<int, std::string> rows_;
  std::vector<ingest::Change> changes_;
  int64_t now_us_ = kBaseUs;
};

class Displaced : public Apply {
 protected:
  // Runs `history` in a table of its own for every way to cut the changes after the first `whole`
  // into batches.
  void check_every_cut(size_t whole, const std::function<void(DeferredTable&)>& history) {
    DeferredTable example(keyed_);
    history(example);
    const size_t places = example.changes().size() - whole;
    const std::string name = table_;
    std::string all;
    for (size_t cuts = 0; cuts < size_t{1} << places; ++cuts) {
      SCOPED_TRACE(fmt::format("cuts {:b}", cuts));
      table_ = fmt::format("{}_{}", name, cuts);
      keyed_.table = event_table(table_);
      DeferredTable source(keyed_);
      history(source);
      apply(source.changes(),
            [&](size_t i) { return i + 1 >= whole && ((cuts >> (i + 1 - whole)) & 1U) != 0; });
      EXPECT_EQ(current(), source.shown_rows());
      const std::string versions = shown(stored_rows(connection_, "public", table_, {"id", "v"}));
      if (cuts == 0) all = versions;
      EXPECT_EQ(versions, all);
      EXPECT_EQ(notes(), 0);
    }
  }

  void apply(const std::vector<ingest::Change>& changes,
             const std::function<bool(size_t)>& is_cut_after) {
    Applier applier(*catalog_, {"src", {}});
    auto batch = std::make_unique<Batch>();
    for (size_t i = 0; i < changes.size(); ++i) {
      batch->add(changes[i], message(static_cast<int64_t>(i)));
      if (!is_cut_after(i)) continue;
      applier.apply(*batch);
      batch = std::make_unique<Batch>();
    }
    applier.apply(*batch);
  }

  int64_t notes() { return connection_.exec("SELECT count(*) FROM metadb.displaced").int64(0, 0); }

  catalog::Connection connection_ = database_->connect();
};

void have_rows(DeferredTable& table, const std::vector<std::string>& values) {
  for (size_t i = 0; i < values.size(); ++i) table.insert(static_cast<int>(i) + 1, values[i]);
  table.commit();
}

TEST_F(Displaced, RowsMayExchangeTheirKeys) {
  check_every_cut(2, [](DeferredTable& table) {
    have_rows(table, {"a", "b"});
    table.move({{1, 2}, {2, 1}});
    table.commit();
  });
}

TEST_F(Displaced, EqualRowsMayExchangeTheirKeys) {
  check_every_cut(2, [](DeferredTable& table) {
    have_rows(table, {"a", "a"});
    table.move({{1, 2}, {2, 1}});
    table.commit();
  });
}

TEST_F(Displaced, EveryRowMayTakeTheKeyOfTheNext) {
  check_every_cut(4, [](DeferredTable& table) {
    have_rows(table, {"a", "b", "c"});
    table.move({{1, 2}, {2, 3}, {3, 4}});
    table.commit();
  });
}

TEST_F(Displaced, DisplacedRowMayBeDeleted) {
  check_every_cut(2, [](DeferredTable& table) {
    have_rows(table, {"a", "b"});
    table.move({{1, 2}});
    table.remove_displaced(2);
    table.commit();
  });
}

// The key was free: the delete that follows is about the row that took it.
TEST_F(Displaced, RowMayGoOnFromAFreeKey) {
  check_every_cut(3, [](DeferredTable& table) {
    have_rows(table, {"a"});
    table.move({{1, 2}});
    table.move({{2, 3}});
    table.commit();
    table.move({{3, 1}});
    table.commit();
    table.remove(1);
    table.commit();
  });
}

TEST_F(Displaced, KeyThatIsSentAgainDisplacesNothing) {
  check_every_cut(1, [](DeferredTable& table) {
    have_rows(table, {"a"});
    table.move({{1, 2}});
    table.sends_again(1, 3);
    table.move({{2, 3}});
    table.commit();
  });
}

// A note that no delete answers ends with the next change of the key.
TEST_F(Displaced, LaterDeleteIsAboutTheRowThatIsThere) {
  DeferredTable source(keyed_);
  have_rows(source, {"a", "b"});
  source.move({{1, 2}});
  source.commit();
  apply(source.changes(), [](size_t) { return true; });
  EXPECT_EQ(notes(), 1);
  source.remove(2);
  apply({source.changes().back()}, [](size_t) { return true; });
  EXPECT_THAT(current(), ElementsAre());
  EXPECT_EQ(notes(), 0);
}

TEST_F(Displaced, RandomTransactionsLeaveWhatTheSourceHas) {
  const std::string name = table_;
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    table_ = fmt::format("{}_{}", name, seed);
    keyed_.table = event_table(table_);
    Random random(seed);
    DeferredTable source(keyed_);
    have_rows(source, {"a", "b", "c", "d", "e"});
    for (int transaction = 0; transaction < 30; ++transaction) {
      std::vector<int> keys = {1, 2, 3, 4, 5};
      for (size_t i = keys.size(); i > 1; --i)
        std::swap(keys[i - 1], keys[static_cast<size_t>(random.below(static_cast<int>(i)))]);
      std::vector<std::pair<int, int>> moves;
      for (int i = 0; i < 5; ++i) {
        if (keys[static_cast<size_t>(i)] != i + 1)
          moves.emplace_back(i + 1, keys[static_cast<size_t>(i)]);
      }
      source.move(moves);
      source.commit();
      const int key = 1 + random.below(5);
      if (random.one_in(2)) source.update(key, fmt::format("v{}", random.below(3)));
      if (random.one_in(3)) {
        source.remove(key);
        source.insert(key, "again");
      }
      source.commit();
    }
    const int cut_one_in = 1 + random.below(20);
    apply(source.changes(), [&](size_t) { return random.one_in(cut_one_in); });
    EXPECT_EQ(current(), source.shown_rows());
    EXPECT_EQ(notes(), 0);
  }
}

}  // namespace
}  // namespace metadb::tests
