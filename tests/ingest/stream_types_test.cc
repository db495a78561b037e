// Columns whose type changes in the source while its changes stream, and changes back.
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using testing::ElementsAre;

const TestField kId = {"id", "int32", "", ""};

TestField of_type(const std::string& type) {
  return {"v", type, "", ""};
}

class ChangedTypes : public WorkerTest {
 protected:
  // A row of public.t whose columns are `id` and `v`.
  void put(const TestField& id, int64_t key, const TestField& v, const std::string& value) {
    const std::string row = fmt::format(R"({{"id":{},"v":{}}})", key, value);
    ingest::RecordedMessage message;
    message.topic = "srv.public.t";
    message.timestamp_ms = 1'559'033'904'863;
    message.key = key_json({id}, fmt::format(R"({{"id":{}}})", key));
    message.value = change_json({id, v}, {.op = "u", .after = row});
    topics_.add(message);
    ASSERT_TRUE(catches_up(topics_));
  }
  std::vector<std::string> types() {
    return rows(
        "SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute WHERE "
        "attrelid = 'public.t'::regclass AND attnum > 0 AND attname !~ '^__' ORDER BY attnum");
  }
  // Another one once the table is written anew.
  std::vector<std::string> files() {
    return rows("SELECT pg_relation_filenode(oid) FROM pg_class WHERE relname = 't'");
  }
  void expect_nothing_set_aside() { EXPECT_EQ(count("metadb.dead_letter"), 0); }

  RecordedTopics topics_;
};

TEST_F(ChangedTypes, ANumericThatWasATextForAWhileStaysTextWithItsDigits) {
  // numeric(10,2)
  const TestField numeric = {"v", "bytes", "org.apache.kafka.connect.data.Decimal",
                             R"({"scale":"2","connect.decimal.precision":"10"})"};
  start(topics_);
  put(kId, 1, numeric, R"("MDQ=")");  // 12340
  put(kId, 2, numeric, R"("AA==")");
  EXPECT_THAT(types(), ElementsAre("id integer", "v numeric"));
  put(kId, 3, of_type("string"), R"("1e3 or so")");
  EXPECT_THAT(types(), ElementsAre("id integer", "v text"));
  const auto before = files();
  put(kId, 4, numeric, R"("+w==")");  // -5
  stop();
  start(topics_);
  put(kId, 1, numeric, R"("AIAAAAAAAAAAAAAA")");  // 2^87
  EXPECT_EQ(files(), before);
  EXPECT_THAT(types(), ElementsAre("id integer", "v text"));
  EXPECT_THAT(rows("SELECT id, v FROM t ORDER BY id"),
              ElementsAre("1,1547425049106725343623905.28", "2,0.00", "3,1e3 or so", "4,-0.05"));
  EXPECT_THAT(rows("SELECT id, v FROM t__ WHERE NOT __current"), ElementsAre("1,123.40"));
  expect_nothing_set_aside();
}

TEST_F(ChangedTypes, AnIntegerThatWasABigintForAWhileStaysBigint) {
  const TestField wide_id = {"id", "int64", "", ""};
  start(topics_);
  put(kId, 1, of_type("int32"), "-2147483648");
  EXPECT_THAT(types(), ElementsAre("id integer", "v integer"));
  put(wide_id, 2, of_type("int64"), "9007199254740993");
  put(wide_id, 4294967297, of_type("int64"), "-9223372036854775808");
  EXPECT_THAT(types(), ElementsAre("id bigint", "v bigint"));
  const auto before = files();
  put(kId, 1, of_type("int32"), "7");
  stop();
  start(topics_);
  put(kId, 2, of_type("int16"), "8");
  EXPECT_EQ(files(), before);
  EXPECT_THAT(types(), ElementsAre("id bigint", "v bigint"));
  EXPECT_THAT(rows("SELECT id, v FROM t ORDER BY id"),
              ElementsAre("1,7", "2,8", "4294967297,-9223372036854775808"));
  EXPECT_THAT(rows("SELECT id, v FROM t__ WHERE NOT __current ORDER BY id"),
              ElementsAre("1,-2147483648", "2,9007199254740993"));
  expect_nothing_set_aside();
}

}  // namespace
}  // namespace metadb::tests
