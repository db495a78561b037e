// Random events of some tables while commands alter, purge, refresh and verify them: what is stored
// in the end is what the events say.
#include <random>

#include "tests/ingest/history_model.h"
#include "tests/server/tables_fixture.h"

namespace metadb::tests {
namespace {

// An event and what it does to the model.
struct Event {
  int table = 0;
  std::string key;
  std::string value;
  bool is_delete = false;
  int64_t ts_us = 0;
};

class TablesProperty : public TablesTest {
 protected:
  static constexpr int kTables = 3;

  static std::string name(int table) { return "p" + std::to_string(table); }
  static std::string main(int table) { return "public." + name(table) + "__"; }

  // One thread draws events, another commands.
  class Dice {
   public:
    void seed(unsigned seed) { engine_.seed(seed); }
    int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(engine_); }

   private:
    std::mt19937 engine_;
  };

  // Few keys, and numbers that every type which is tried takes.
  Event event_of(int table) {
    Event event{table, std::to_string(1 + events_.below(4)), std::to_string(events_.below(1000)),
                events_.below(5) == 0, 0};
    add(std::stoi(event.key), event.value, event.is_delete ? 'd' : 'u', name(table));
    event.ts_us = 1'700'000'000'000'000 + clock_ * 1'000'000;
    return event;
  }
  static void tell(HistoryModel& model, const Event& event) {
    if (event.is_delete) {
      model.remove(event.key, event.ts_us);
    } else {
      model.upsert(event.key, event.ts_us, {{true, event.value}});
    }
  }
  void event() {
    const Event event = event_of(events_.below(kTables));
    tell(models_[event.table], event);
  }

  void command() {
    static const std::vector<std::string> kTypes = {"integer", "text",    "bigint",
                                                    "numeric", "varchar", "text"};
    const int table = commands_dice_.below(kTables);
    const int dice = commands_dice_.below(12);
    std::string sql = "verify consistency";
    if (dice < 6) {
      sql = "alter table " + main(table) + " alter column v type " +
            kTypes[static_cast<size_t>(commands_dice_.below(6))];
    }
    if (dice == 6) sql = "refresh inferred column types";
    if (dice == 7) sql = "alter table " + main(table) + " alter column id type bigint";
    if (dice == 8) {
      sql = "alter table " + main(table) + " add column c" + std::to_string(++added_) + " uuid";
    }
    run(sql);
  }
  // While events of the others are on their way.
  void purge_between() {
    const std::scoped_lock lock(traffic_);
    const int purged = commands_dice_.below(kTables);
    ASSERT_TRUE(catches_up());
    for (int i = 0; i < 30; ++i) {
      const Event event = event_of((purged + 1 + i % 2) % kTables);
      tell(models_[event.table], event);
    }
    run("purge data drop table " + main(purged));
    models_[purged] = {};
    const Event event = event_of(purged);
    tell(models_[purged], event);
    // A delete of what is not there makes no table.
    if (event.is_delete) add(1, "1", 'u', name(purged));
    if (event.is_delete) tell(models_[purged], {purged, "1", "1", false, time_us()});
    ASSERT_TRUE(catches_up());
  }
  [[nodiscard]] int64_t time_us() const { return 1'700'000'000'000'000 + clock_ * 1'000'000; }

  std::map<std::string, std::vector<Version>> stored(int table) {
    std::map<std::string, std::vector<Version>> out;
    const catalog::Result rows = superuser_.exec(
        "SELECT id::text, (extract(epoch FROM __start) * 1000000)::bigint, CASE WHEN __current "
        "THEN "
        "9223372036854775807 ELSE (extract(epoch FROM __end) * 1000000)::bigint END, v::text "
        "FROM " +
        main(table) + " ORDER BY id, __id");
    for (int row = 0; row < rows.rows(); ++row) {
      out[std::string(rows.text(row, 0))].push_back(
          {rows.int64(row, 1), rows.int64(row, 2), {rows.optional_text(row, 3)}});
    }
    return out;
  }
  // Writes events in a thread of its own, some at a time, until that is destroyed.
  template <class Each>
  std::jthread meanwhile(const Each& each) {
    return std::jthread([this, each](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        int pause = 0;
        {
          const std::scoped_lock lock(traffic_);
          each();
          pause = events_.below(20);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(pause));
      }
    });
  }

  std::mutex traffic_;  // held while events are written
  Dice events_;
  Dice commands_dice_;
  std::map<int, HistoryModel> models_;
  int added_ = 0;
};

TEST_F(TablesProperty, CommandsBetweenAndDuringBatchesLoseAndMixNothing) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    events_.seed(seed);
    commands_dice_.seed(seed);
    for (int i = 0; i < 40; ++i) event();
    ASSERT_TRUE(catches_up());
    {
      const std::jthread traffic = meanwhile([&] {
        for (int i = 0; i < 4; ++i) event();
      });
      for (int i = 1; i <= 30; ++i) {
        command();
        if (i % 10 == 0) purge_between();
      }
    }
    ASSERT_TRUE(catches_up());
    for (int table = 0; table < kTables; ++table)
      EXPECT_TRUE(stored(table) == models_[table].versions()) << main(table);
    EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
  }
  EXPECT_EQ(only("SELECT count(*) FROM metadb.dead_letter"), "0");
}

// Which event is the first of the new table is a matter of moments. That it is some event, and that
// all after it are there, is not.
TEST_F(TablesProperty, TableThatIsPurgedWhileItsEventsComeHoldsTheRestOfThem) {
  for (unsigned seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    events_.seed(seed);
    std::vector<Event> events = {event_of(0)};
    ASSERT_TRUE(catches_up());
    {
      const std::jthread traffic = meanwhile([&] { events.push_back(event_of(0)); });
      for (int purges = 0; purges < 4; ++purges) {
        EXPECT_TRUE(
            eventually([&] { return only("SELECT count(*) FROM metadb.managed_table") == "1"; }));
        run("purge data drop table " + main(0));
      }
    }
    add(1, "last", 'u', name(0));
    events.push_back({0, "1", "last", false, time_us()});
    ASSERT_TRUE(catches_up());
    const auto rows = stored(0);
    bool is_a_rest = false;
    for (size_t begin = 0; begin < events.size() && !is_a_rest; ++begin) {
      HistoryModel model;
      for (size_t i = begin; i < events.size(); ++i) tell(model, events[i]);
      is_a_rest = model.versions() == rows;
    }
    EXPECT_TRUE(is_a_rest);
    EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
  }
}

}  // namespace
}  // namespace metadb::tests
