// bytea in the modes that make texts of it (binary.handling.mode).
#include "ingest/debezium_binary.h"
#include "tests/ingest/debezium_samples.h"
#include "tests/ingest/decoding.h"
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using ingest::BinaryMode;
using ingest::Decoder;
using testing::ElementsAre;
using testing::HasSubstr;

// The same bytes in each mode.
struct Written {
  BinaryMode mode;
  std::string text;
};
const std::vector<Written> kFbFfBe = {{BinaryMode::base64, "+/++"},
                                      {BinaryMode::base64_url_safe, "-_--"},
                                      {BinaryMode::hex, "fbffbe"}};

std::string changed(const TestField& field, const std::string& json, const std::string& op = "c") {
  return change_json({field}, {.op = op, .after = R"({"c":)" + json + "}"});
}

ingest::Change in_mode(BinaryMode mode, const TestField& field, const std::string& json,
                       const std::string& op = "c") {
  Decoder decoder({.binary_mode = mode});
  return change_of(decoder, nullptr, changed(field, json, op));
}

TEST(BinaryModes, GiveTheBytesWhereTheTypeIsPropagated) {
  const TestField field{"c", "string", "", source_type("BYTEA")};
  for (const auto& [mode, text] : kFbFfBe) {
    const ingest::Change change = in_mode(mode, field, "\"" + text + "\"");
    EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::bytea) << text;
    EXPECT_EQ(change.row.fields, cell("\xfb\xff\xbe")) << text;
    EXPECT_EQ(in_mode(mode, field, R"("")").row.fields, cell("")) << text;
    EXPECT_EQ(in_mode(mode, field, "null").row.fields, kNull) << text;
  }
}

TEST(BinaryModes, GiveArraysOfBytes) {
  const TestField field{"c", "array", "", source_type("_BYTEA"), R"({"type":"string"})"};
  Decoder plain;
  const TestField bytes{"c", "array", "", "", R"({"type":"bytes"})"};
  const std::string as_bytes =
      change_of(plain, nullptr, changed(bytes, R"(["+/++",null])")).row.fields;
  for (const auto& [mode, text] : kFbFfBe) {
    const ingest::Change change = in_mode(mode, field, "[\"" + text + "\",null]");
    EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::bytea_array) << text;
    EXPECT_EQ(change.row.fields, as_bytes) << text;
  }
}

TEST(BinaryModes, LeaveOtherTextsAlone) {
  for (const auto& [mode, text] : kFbFfBe) {
    for (const TestField& field :
         std::vector<TestField>{{"c", "string", "", ""}, {"c", "string", "", source_type("TEXT")}})
      EXPECT_EQ(in_mode(mode, field, "\"" + text + "\"").row.fields, cell(text));
    const TestField bytes{"c", "bytes", "", source_type("BYTEA")};
    EXPECT_EQ(in_mode(mode, bytes, R"("AQID")").row.fields, cell("\1\2\3"));
  }
}

TEST(BinaryModes, ThatNobodyNamesLeaveTheText) {
  const TestField field{"c", "string", "", source_type("BYTEA")};
  for (const auto& [mode, text] : kFbFfBe) {
    const ingest::Change change = in_mode(BinaryMode::bytes, field, "\"" + text + "\"");
    EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::text);
    EXPECT_EQ(change.row.fields, cell(text));
  }
}

TEST(BinaryModes, RefuseWhatIsOfAnother) {
  const TestField field{"c", "string", "", source_type("BYTEA")};
  const std::vector<std::pair<BinaryMode, std::string>> others = {
      {BinaryMode::base64, "-_--"},
      {BinaryMode::base64, "fbffb"},
      {BinaryMode::base64_url_safe, "+/++"},
      {BinaryMode::base64_url_safe, "AQI"},
      {BinaryMode::hex, "AQID"},
      {BinaryMode::hex, "fbf"},
      {BinaryMode::hex, "-1"}};
  for (const auto& [mode, text] : others) {
    try {
      in_mode(mode, field, "\"" + text + "\"");
      ADD_FAILURE() << text << " was decoded";
    } catch (const ingest::DecodeError& error) {
      EXPECT_THAT(error.what(), HasSubstr("column \"c\": ")) << text;
      EXPECT_EQ(error.sqlstate, "22P02");
    }
  }
}

// include.unknown.datatypes: the bytes of 'a'.
const std::vector<Written> kQuery = {{BinaryMode::base64, "J2En"},
                                     {BinaryMode::base64_url_safe, "J2En"},
                                     {BinaryMode::hex, "276127"}};

TEST(BinaryModes, GiveTheTextsOfTypesThatTheConnectorDoesNotKnow) {
  const TestField field{"c", "string", "", source_type("TSQUERY")};
  for (const auto& [mode, text] : kQuery) {
    const ingest::Change change = in_mode(mode, field, "\"" + text + "\"");
    EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::text) << text;
    EXPECT_EQ(change.schema->columns.at(0).stands_for, catalog::CarriedType::tsquery) << text;
    EXPECT_EQ(change.row.fields, cell("'a'")) << text;
    EXPECT_EQ(in_mode(mode, field, R"("")").row.fields, cell("")) << text;
    EXPECT_EQ(in_mode(mode, field, "null").row.fields, kNull) << text;
  }
  EXPECT_EQ(in_mode(BinaryMode::base64_url_safe, field, R"("w78_")").row.fields, cell("\xc3\xbf?"));
}

TEST(BinaryModes, GiveArraysOfTypesThatTheConnectorDoesNotKnow) {
  const TestField field{"c", "array", "", source_type("_TSQUERY"), R"({"type":"string"})"};
  const TestField plain{"c", "array", "", source_type("_TEXT"), R"({"type":"string"})"};
  const std::string as_texts = in_mode(BinaryMode::hex, plain, R"(["'a'",null])").row.fields;
  for (const auto& [mode, text] : kQuery) {
    const ingest::Change change = in_mode(mode, field, "[\"" + text + "\",null]");
    EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::text_array) << text;
    EXPECT_EQ(change.schema->columns.at(0).stands_for, catalog::CarriedType::tsquery) << text;
    EXPECT_EQ(change.row.fields, as_texts) << text;
  }
}

TEST(BinaryModes, GiveBytesWhereTheyAreNoTextOfThatType) {
  const TestField field{"c", "string", "", source_type("LINE")};
  for (const auto& [mode, text] : kFbFfBe) {
    const ingest::Change change = in_mode(mode, field, "\"" + text + "\"");
    EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::bytea) << text;
    EXPECT_FALSE(change.schema->columns.at(0).stands_for) << text;
    EXPECT_EQ(change.row.fields, cell("\xfb\xff\xbe")) << text;
  }
}

// Some versions of the connector know the types of isn, and send plain texts.
TEST(BinaryModes, LeaveTextsThatAreSentAsSuch) {
  for (const TestField& field :
       std::vector<TestField>{{"c", "string", "", source_type("UPC")},
                              {"c", "string", "", source_type("CITEXT")},
                              {"c", "string", "io.debezium.data.Tsvector", source_type("TSVECTOR")},
                              {"c", "string", "io.debezium.data.Enum", source_type("LINE")}}) {
    EXPECT_EQ(in_mode(BinaryMode::hex, field, R"("036000291452")").row.fields, cell("036000291452"))
        << field.parameters;
  }
}

// In hex it stands as it is; in base64 the connector sends NULL.
TEST(BinaryModes, KnowThePlaceholder) {
  const TestField field{"c", "string", "", source_type("BYTEA")};
  const ingest::Change change = in_mode(BinaryMode::hex, field, kMarker, "u");
  EXPECT_EQ(change.row.unavailable, std::vector<uint16_t>{0});
  EXPECT_EQ(change.row.fields, kNull);
  const TestField unknown{"c", "string", "", source_type("TSQUERY")};
  EXPECT_EQ(in_mode(BinaryMode::hex, unknown, kMarker, "u").row.unavailable,
            std::vector<uint16_t>{0});
}

class BinaryModeOfASource : public WorkerTest {
 protected:
  void send(const std::string& raw, const std::string& name = "BYTEA") {
    const std::vector<TestField> row = {{"id", "string", "", source_type("BYTEA")},
                                        {"raw", "string", "", source_type(name)}};
    ingest::RecordedMessage message;
    message.topic = "srv.public.t";
    message.timestamp_ms = 1'700'000'000'000;
    message.key = key_json({row.front()}, R"({"id":"0102"})");
    message.value = change_json(row, {.op = "u", .after = R"({"id":"0102","raw":")" + raw + "\"}"});
    topics_.add(message);
  }
  RecordedTopics topics_;
};

TEST_F(BinaryModeOfASource, MakesItsColumnsBytea) {
  source_.options["binary_handling_mode"] = "hex";
  send("00ff");
  send("");
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(rows("SELECT pg_typeof(id), id, pg_typeof(raw), raw FROM public.t"),
              ElementsAre("bytea,\\x0102,bytea,\\x"));
  EXPECT_THAT(rows("SELECT raw FROM public.t__ WHERE NOT __current"), ElementsAre("\\x00ff"));
}

TEST_F(BinaryModeOfASource, GivesColumnsTheTypesThatTheConnectorDoesNotKnow) {
  source_.options["binary_handling_mode"] = "hex";
  send("2761272026202762273a4142", "TSQUERY");
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(rows("SELECT pg_typeof(raw), raw FROM public.t"),
              ElementsAre("tsquery,'a' & 'b':AB"));
}

TEST_F(BinaryModeOfASource, SetsAsideWhatIsOfAnother) {
  source_.options["binary_handling_mode"] = "hex";
  send("00ff");
  send("AP8=");
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(rows("SELECT raw FROM public.t"), ElementsAre("\\x00ff"));
  EXPECT_THAT(rows("SELECT error FROM metadb.dead_letter"),
              ElementsAre(HasSubstr("column \"raw\": not hex: AP8=")));
}

}  // namespace
}  // namespace metadb::tests
