// Topics without schemas: their tables' columns have the types that are certain, and lose nothing.
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using testing::ElementsAre;

class SchemalessStream : public WorkerTest {
 protected:
  // Of table public.t in the shape of a connector with schemas.enable=false.
  static ingest::RecordedMessage bare(const std::string& key, const TestEnvelope& envelope) {
    ingest::RecordedMessage message;
    message.topic = "srv.public.t";
    message.timestamp_ms = 1'559'033'904'863;
    if (!key.empty()) message.key = key;
    message.value = envelope_json(envelope);
    return message;
  }
  std::vector<std::string> types() {
    return rows(
        "SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute WHERE "
        "attrelid = 'public.t'::regclass AND attnum > 0 AND attname !~ '^__' AND NOT attisdropped "
        "ORDER BY attnum");
  }
};

TEST_F(SchemalessStream, KeepsEveryValueThroughUpdatesAndDeletes) {
  RecordedTopics topics;
  topics.add(bare(R"({"id":1})", {.op = "r", .after = R"({"id":1,"n":1.50,"t":"a","b":true})"}));
  topics.add(bare(R"({"id":2})", {.after = R"({"id":2,"n":1e3,"t":null,"b":null})"}));
  topics.add(bare(R"({"id":1})", {.op = "u", .after = R"({"id":1,"n":9007199254740993,"t":"a"})"}));
  topics.add(bare(R"({"id":2})", {.op = "d", .before = R"({"id":2,"n":0,"t":"","b":false})"}));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(types(), ElementsAre("id numeric", "n numeric", "t text", "b boolean"));
  EXPECT_THAT(rows("SELECT id, n, t, b FROM public.t"), ElementsAre("1,9007199254740993,a,NULL"));
  EXPECT_THAT(rows("SELECT id, n, t, b FROM public.t__ WHERE NOT __current ORDER BY id"),
              ElementsAre("1,1.50,a,t", "2,1000,NULL,NULL"));
  EXPECT_EQ(count("metadb.dead_letter"), 0);
}

TEST_F(SchemalessStream, FollowsTheTypesThatSchemasGaveTheTable) {
  const std::vector<TestField> columns = {{"id", "int32", "", ""},
                                          {"u", "string", "io.debezium.data.Uuid", ""},
                                          {"m", "int64", "io.debezium.time.MicroTimestamp", ""}};
  ingest::RecordedMessage with_schema = bare("", {});
  with_schema.key = key_json({columns[0]}, R"({"id":1})");
  with_schema.value = change_json(
      columns,
      {.after = R"({"id":1,"u":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","m":1529507596945104})"});
  RecordedTopics topics;
  topics.add(with_schema);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  topics.add(bare(R"({"id":2})",
                  {.after = R"({"id":2,"u":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12","m":null})"}));
  ASSERT_TRUE(catches_up(topics));
  stop();  // what was read with it is forgotten
  topics.add(bare(R"({"id":1})", {.op = "d"}));
  topics.add(bare(R"({"id":3})",
                  {.after = R"({"id":3,"u":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13","m":null})"}));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(types(), ElementsAre("id integer", "u uuid", "m timestamp without time zone"));
  EXPECT_THAT(rows("SELECT id FROM public.t ORDER BY id"), ElementsAre("2", "3"));
  // A number of what unit? The column takes it, as it came.
  topics.add(
      bare(R"({"id":3})", {.op = "u", .after = R"({"id":3,"u":null,"m":1529507596945104})"}));
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(types(), ElementsAre("id integer", "u uuid", "m text"));
  EXPECT_THAT(rows("SELECT m FROM public.t WHERE id = 3"), ElementsAre("1529507596945104"));
  EXPECT_THAT(rows("SELECT m FROM public.t__ WHERE id = 1"),
              ElementsAre("2018-06-20 15:13:16.945104"));
  EXPECT_EQ(count("metadb.dead_letter"), 0);
}

// A type that was chosen is nothing that the events know of: their values are cast to it.
TEST_F(SchemalessStream, AJsonColumnTakesJsonAndIsTextOnceSomethingElseComes) {
  const std::vector<TestField> columns = {{"id", "int32", "", ""},
                                          {"j", "string", "io.debezium.data.Json", ""}};
  ingest::RecordedMessage with_schema = bare("", {});
  with_schema.key = key_json({columns[0]}, R"({"id":1})");
  with_schema.value = change_json(columns, {.after = R"({"id":1,"j":"{\"a\":1.00}"})"});
  RecordedTopics topics;
  topics.add(with_schema);
  topics.add(bare(R"({"id":2})", {.after = R"({"id":2,"j":"[ 1e2]"})"}));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  topics.add(bare(R"({"id":3})", {.after = R"({"id":3,"j":"\"\\u0000\""})"}));
  topics.add(bare(R"({"id":4})", {.after = R"({"id":4,"j":{"b": 2}})"}));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(types(), ElementsAre("id numeric", "j json"));
  topics.add(bare(R"({"id":5})", {.after = R"({"id":5,"j":"abc"})"}));
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(types(), ElementsAre("id numeric", "j text"));
  EXPECT_THAT(
      rows("SELECT id, j FROM public.t ORDER BY id"),
      ElementsAre(R"(1,{"a":1.00})", "2,[ 1e2]", R"(3,"\u0000")", R"(4,{"b": 2})", "5,abc"));
  EXPECT_EQ(count("metadb.dead_letter"), 0);
}

TEST_F(SchemalessStream, AChosenTypeIsCastTo) {
  RecordedTopics topics;
  topics.add(bare(R"({"id":1})", {.after = R"({"id":1,"t":"2019-07-09T02:28:57.5Z"})"}));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  watcher_.exec("ALTER TABLE public.t__ ALTER COLUMN t TYPE timestamptz USING t::timestamptz");
  watcher_.exec(
      "INSERT INTO metadb.chosen_type (schema_name, table_name, column_name, is_inferred) VALUES "
      "('public', 't', 't', false)");
  topics.add(bare(R"({"id":2})", {.after = R"({"id":2,"t":"2020-01-01T00:00:00Z"})"}));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(types(), ElementsAre("id numeric", "t timestamp with time zone"));
  EXPECT_THAT(rows("SELECT t FROM public.t WHERE id = 2"), ElementsAre("2020-01-01 00:00:00+00"));
}

TEST_F(SchemalessStream, UnavailableValuesAreThoseOfTheRow) {
  RecordedTopics topics;
  topics.add(bare(R"({"id":1})", {.after = R"({"id":1,"t":"long","n":1})"}));
  topics.add(bare(R"({"id":1})",
                  {.op = "u", .after = R"({"id":1,"t":"__debezium_unavailable_value","n":2})"}));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT t, n FROM public.t"), ElementsAre("long,2"));
}

}  // namespace
}  // namespace metadb::tests
