// bit(n) and varbit, through a worker into a table.
#include "catalog/bit_types.h"

#include <gmock/gmock.h>

#include "tests/ingest/debezium_samples.h"
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(BitTypeName, TellsItsLength) {
  for (const int64_t length : {1, 24, 83886080})
    EXPECT_EQ(catalog::bit_length(catalog::bit_type_name(length)), length);
  for (const char* other :
       {"bit", "bit()", "bit(x)", "bit(3", "bit(3)[]", "bit varying", "text", ""})
    EXPECT_EQ(catalog::bit_length(other), std::nullopt) << other;
}

class BitTypes : public WorkerTest {
 protected:
  static TestField bits(const std::string& length, const std::string& more = "") {
    return {"b", "bytes", "io.debezium.data.Bits", R"({"length":")" + length + "\"" + more + "}"};
  }
  void send(int id, const TestField& column, const std::string& json, const std::string& op) {
    const std::vector<TestField> row = {{"id", "int32", "", ""}, column};
    const std::string key = R"({"id":)" + std::to_string(id);
    const std::string after = key + ",\"b\":" + json + "}";
    add(key_json({row.front()}, key + "}"), row,
        op == "d" ? TestEnvelope{.op = op, .before = after}
                  : TestEnvelope{.op = op, .after = after});
  }
  void add(const std::string& key, const std::vector<TestField>& row,
           const TestEnvelope& envelope) {
    ingest::RecordedMessage message;
    message.topic = "srv.public.t";
    message.timestamp_ms = 1'700'000'000'000;
    message.key = key;
    message.value = change_json(row, envelope);
    topics_.add(message);
  }
  void apply() {
    if (!worker_) start(topics_);
    ASSERT_TRUE(catches_up(topics_));
    ASSERT_THAT(rows("SELECT error FROM metadb.dead_letter"), IsEmpty());
  }
  std::string type() {
    return rows(
               "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
               "'public.t'::regclass AND attname = 'b'")
        .at(0);
  }
  std::vector<std::string> versions() { return rows("SELECT id, b FROM public.t__ ORDER BY __id"); }
  RecordedTopics topics_;
};

TEST_F(BitTypes, KeepTheirLength) {
  send(1, bits("12"), R"("BQE=")", "c");
  send(2, bits("12"), "null", "c");
  apply();
  EXPECT_EQ(type(), "bit(12)");
  send(1, bits("12"), R"("BQE=")", "u");
  send(2, bits("12"), R"("")", "u");
  apply();
  EXPECT_THAT(versions(), ElementsAre("1,000100000101", "2,NULL", "2,000000000000"));
  stop();  // the type is what the catalog has
  send(1, bits("12"), R"("BQE=")", "u");
  send(3, bits("12"), R"("/w8=")", "c");
  apply();
  EXPECT_EQ(type(), "bit(12)");
  EXPECT_THAT(versions(),
              ElementsAre("1,000100000101", "2,NULL", "2,000000000000", "3,111111111111"));
}

TEST_F(BitTypes, OfAnotherLengthVaryFromThenOn) {
  send(1, bits("4"), R"("BQ==")", "c");
  apply();
  EXPECT_EQ(type(), "bit(4)");
  send(2, bits("6"), R"("BQ==")", "c");
  send(3, bits("4"), R"("BQ==")", "c");
  apply();
  EXPECT_EQ(type(), "bit varying");
  send(1, bits("4"), R"("BQ==")", "u");
  apply();
  EXPECT_THAT(versions(), ElementsAre("1,0101", "2,000101", "3,0101"));
}

TEST_F(BitTypes, OfOneBatchAreTakenBesideThoseOfAnotherLength) {
  send(1, bits("6"), R"("BQ==")", "c");
  send(1, bits("4"), R"("BQ==")", "u");
  send(1, bits("6"), R"("BQ==")", "u");
  apply();
  EXPECT_EQ(type(), "bit varying");
  EXPECT_THAT(versions(), ElementsAre("1,000101", "1,0101", "1,000101"));
}

TEST_F(BitTypes, ThatVaryStayAsTheyAre) {
  const std::string named = R"(,"__debezium.source.column.type":"VARBIT")";
  send(1, bits("8", named), R"("BQ==")", "c");
  send(2, bits("2147483647"), R"("Fw==")", "c");
  apply();
  EXPECT_EQ(type(), "bit varying");
  send(3, bits("8"), R"("BQ==")", "c");
  apply();
  EXPECT_EQ(type(), "bit varying");
  EXPECT_THAT(versions(), ElementsAre("1,101", "2,10111", "3,00000101"));
}

// The name that is propagated is the domain's.
TEST_F(BitTypes, OfDomainsKeepTheirLength) {
  send(1, bits("8", R"(,"__debezium.source.column.type":"MASK")"), R"("BQ==")", "c");
  apply();
  EXPECT_EQ(type(), "bit(8)");
  send(2, bits("8", R"(,"__debezium.source.column.type":"BIT")"), R"("BQ==")", "c");
  apply();
  EXPECT_EQ(type(), "bit(8)");
  EXPECT_THAT(versions(), ElementsAre("1,00000101", "2,00000101"));
}

TEST_F(BitTypes, BecomeTextAsTheyPrint) {
  send(1, bits("4"), R"("BQ==")", "c");
  apply();
  send(2, {"b", "string", "", ""}, R"("some")", "c");
  send(1, bits("4"), R"("BQ==")", "u");
  apply();
  EXPECT_EQ(type(), "text");
  EXPECT_THAT(versions(), ElementsAre("1,0101", "2,some"));
}

TEST_F(BitTypes, CanBeAKey) {
  const std::vector<TestField> row = {bits("12"), {"id", "int32", "", ""}};
  const auto change = [&](const std::string& op, const std::string& b, const std::string& id) {
    const std::string image = R"({"b":")" + b + R"(","id":)" + id + "}";
    add(key_json({row.front()}, R"({"b":")" + b + "\"}"), row,
        op == "d" ? TestEnvelope{.op = op, .before = image}
                  : TestEnvelope{.op = op, .after = image});
  };
  change("c", "BQE=", "1");
  change("c", "BQ==", "2");
  apply();
  change("u", "BQE=", "3");
  change("d", "BQ==", "2");
  apply();
  EXPECT_EQ(type(), "bit(12)");
  EXPECT_THAT(rows("SELECT id, b FROM public.t"), ElementsAre("3,000100000101"));
  EXPECT_EQ(count("public.t__"), 3);
}

}  // namespace
}  // namespace metadb::tests
