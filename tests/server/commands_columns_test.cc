// What users see of columns that change, or whose values are not sent, while a source streams.
#include "tests/fakes/eventually.h"
#include "tests/ingest/recorded_topics.h"
#include "tests/server/commands_fixture.h"

namespace metadb::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class LiveColumns : public CommandsTest {
 protected:
  LiveColumns() {
    make_source_ = [this](const catalog::DataSource& source, const catalog::Snapshot& snapshot) {
      return topics_.factory()(source, snapshot);
    };
    run("create data source s type kafka options (brokers 'b', topics 't', consumer_group 'g')");
  }
  ~LiveColumns() override { workers_->stop_all(); }

  // A row of table "wide" with so many columns beside its key.
  static ingest::RecordedMessage wide(int id, int columns) {
    ingest::RecordedMessage message = recorded({.table = "wide", .id = id});
    std::vector<TestField> fields = {{"id", "int32", "", ""}};
    std::string row = fmt::format(R"({{"id":{})", id);
    for (int i = 1; i <= columns; ++i) {
      fields.push_back({fmt::format("c{}", i), "int32", "", ""});
      row += fmt::format(R"(,"c{}":{})", i, id * i);
    }
    TestEnvelope envelope{.after = row + "}"};
    const size_t at = envelope.source.find(R"("table":"t")");
    envelope.source.replace(at, 11, R"("table":"wide")");
    message.value = change_json(fields, envelope);
    return message;
  }
  bool arrive(const std::string& table, const std::string& ids) {
    return eventually([&] {
      return only("SELECT (to_regclass('" + table + "') IS NOT NULL)::text") == "true" &&
             only("SELECT string_agg(id::text, ' ' ORDER BY id) FROM " + table) == ids;
    });
  }
  std::optional<std::string> unresolved() { return listed("tables", "unresolved"); }
  std::string trouble() { return listed("status", "last_error").value_or(""); }

  RecordedTopics topics_;
};

// 1,600 with ours.
TEST_F(LiveColumns, MoreThanATableCanHaveStopItsTopicAloneUntilItIsLeftOut) {
  topics_.add(wide(1, 1594));
  topics_.add({.id = 1});
  ASSERT_TRUE(arrive("wide", "1"));
  topics_.add(wide(2, 1595));
  ASSERT_TRUE(eventually([&] { return listed("status", "state") == "retrying"; }));
  EXPECT_THAT(trouble(), AllOf(HasSubstr("topic srv.shop.public.wide: "),
                               HasSubstr("more columns than table public.wide can have"),
                               HasSubstr("1600"), HasSubstr("(54011)"),
                               HasSubstr("column.exclude.list"), HasSubstr("table_stop_filter")));
  EXPECT_TRUE(listed("status", "next_retry"));
  topics_.add({.id = 2});
  EXPECT_TRUE(arrive("t", "1 2"));
  EXPECT_TRUE(arrive("wide", "1"));

  run("alter data source s options (add table_stop_filter '^public\\.wide$')");
  topics_.add({.id = 3});
  EXPECT_TRUE(arrive("t", "1 2 3"));
  EXPECT_TRUE(eventually([&] { return listed("status", "source_stream") == "active"; }));
  EXPECT_EQ(trouble(), "");
  EXPECT_TRUE(eventually([&] {
    return only("SELECT next_offset FROM metadb.ingest_position WHERE topic LIKE '%wide'") == "2";
  }));

  // The source has as many as before.
  run("alter data source s options (drop table_stop_filter)");
  topics_.add(wide(3, 1594));
  EXPECT_TRUE(arrive("wide", "1 3"));
  EXPECT_EQ(only("SELECT c1594 FROM wide WHERE id = 3"), "4782");
  EXPECT_EQ(only("SELECT count(*) FROM metadb.dead_letter"), "0");
}

// In every version.
TEST_F(LiveColumns, ValuesThatWereNeverSentAreCounted) {
  topics_.add({.id = 1});
  topics_.add({.op = 'u', .id = 1, .value = kUnavailable});
  ASSERT_TRUE(arrive("t", "1"));
  EXPECT_EQ(unresolved(), "0");
  topics_.add({.op = 'u', .id = 2, .value = kUnavailable, .w = "a"});
  topics_.add({.op = 'u', .id = 3, .value = kUnavailable, .w = kUnavailable});
  ASSERT_TRUE(arrive("t", "1 2 3"));
  EXPECT_EQ(unresolved(), "3");
  topics_.add({.op = 'u', .id = 2, .value = kUnavailable, .w = "b"});
  EXPECT_TRUE(eventually([&] { return unresolved() == "4"; }));
  // It is known now that the row was as it is stored.
  topics_.add({.op = 'u', .id = 3, .value = std::nullopt, .w = std::optional<std::string>()});
  EXPECT_TRUE(eventually([&] { return unresolved() == "2"; }));
  // What came before this one is not.
  topics_.add({.op = 'u', .id = 2, .value = "x", .w = "b"});
  EXPECT_TRUE(eventually([&] { return only("SELECT v IS NULL FROM t WHERE id = 2") == "f"; }));
  EXPECT_EQ(unresolved(), "2");
}

}  // namespace
}  // namespace metadb::tests
