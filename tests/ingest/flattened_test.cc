// Rows that ExtractNewRecordState has taken out of their envelopes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/flattened_rows.h"
#include "ingest/numeric.h"
#include "ingest/rules.h"
#include "tests/ingest/avro_messages.h"
#include "tests/ingest/decoding.h"
#include "tests/ingest/heard_log.h"

namespace metadb::tests {
namespace {

using ingest::Change;
using ingest::DecodeError;
using ingest::Decoder;
using ingest::EventTable;
using ingest::Ignored;
using ingest::IgnoredKind;
using ingest::Message;
using ingest::Op;
using ingest::SnapshotMark;
using ingest::TopicTables;
using testing::ElementsAre;

constexpr int64_t kRecordMs = 1'600'000'000'123;
const std::string kIdOnly = R"({"id":1})";

Decoder flattening(const std::string& topic_expression = "") {
  ingest::DecoderOptions options;
  options.shape = ingest::EventShape::flattened;
  if (!topic_expression.empty()) {
    options.table_of_topic = [tables = std::make_shared<const TopicTables>(topic_expression)](
                                 std::string_view topic) { return tables->table_of(topic); };
  }
  return Decoder(options);
}

// Fields as add.fields and delete.tombstone.handling.mode=rewrite add them.
std::vector<TestField> with_added(std::vector<TestField> fields) {
  for (const char* name : {"__deleted", "__op", "__table"})
    fields.push_back({name, "string", "", ""});
  fields.push_back({"__source_ts_ms", "int64", "", ""});
  return fields;
}

std::string flat(const std::vector<TestField>& fields, const std::string& row) {
  return framed(struct_schema_json(fields, R"(,"name":"srv.public.t.Value")"), row);
}

ingest::Decoded decoded_flat(Decoder& decoder, const std::string* key, const std::string* value) {
  Message its_message = message(key, value);
  its_message.timestamp_ms = kRecordMs;
  return decoder.decode(its_message);
}

Change row_of_flat(Decoder& decoder, const std::string* key, const std::string* value) {
  return std::get<Change>(decoded_flat(decoder, key, value));
}

std::string reason_of_flat(const std::string* key, const std::string& value) {
  try {
    Decoder decoder = flattening();
    decoded_flat(decoder, key, &value);
  } catch (const DecodeError& error) {
    return error.what();
  }
  return "was decoded";
}

std::string flat_numeric(std::string_view number) {
  std::string out;
  ingest::append_numeric_cell(out, number);
  return out;
}

TEST(Flattened, ARowIsAnUpsertAtTheTimeOfItsRecord) {
  Decoder decoder = flattening();
  const std::string value = flat(kRow, kAnne);
  const Change change = row_of_flat(decoder, &kKey1, &value);
  EXPECT_EQ(change.op, Op::update);
  EXPECT_EQ(change.snapshot, SnapshotMark::streaming);
  EXPECT_EQ(change.ts_us, kRecordMs * 1000);
  EXPECT_EQ(change.sequence, std::nullopt);
  EXPECT_EQ(*change.table, (EventTable{"srv", "", "public", "t"}));
  EXPECT_THAT(change.schema->key, ElementsAre(0));
  EXPECT_EQ(change.row.fields, kAnneCells);
}

TEST(Flattened, AddedFieldsAreNoColumns) {
  Decoder decoder = flattening();
  const std::string value =
      flat(with_added(kRow), kAnne.substr(0, kAnne.size() - 1) +
                                 R"(,"__deleted":"false","__op":"r","__table":"t",)"
                                 R"("__source_ts_ms":1559033904863})");
  const Change change = row_of_flat(decoder, &kKey1, &value);
  EXPECT_EQ(change.op, Op::read);
  EXPECT_EQ(change.snapshot, SnapshotMark::in_snapshot);
  EXPECT_EQ(change.ts_us, 1559033904863000);
  EXPECT_EQ(change.schema->columns.size(), 4U);
  EXPECT_EQ(change.row.fields, kAnneCells);
  // What only begins like one of them is the source's.
  const std::string own =
      flat({{"id", "int32", "", ""}, {"__mine", "string", "", ""}}, R"({"id":1,"__mine":"x"})");
  EXPECT_EQ(row_of_flat(decoder, &kKey1, &own).row.fields, int_cell(1) + cell("x"));
}

TEST(Flattened, TheMostExactTimeCounts) {
  Decoder decoder = flattening();
  const std::string value =
      R"({"id":1,"__source_ts_ms":1559033904863,"__source_ts_us":1559033904863769,)"
      R"("__source_ts_ns":1559033904863769000})";
  EXPECT_EQ(row_of_flat(decoder, &kIdOnly, &value).ts_us, 1559033904863769);
  const std::string nanos = R"({"id":1,"__source_ts_ns":1559033904863769999})";
  EXPECT_EQ(row_of_flat(decoder, &kIdOnly, &nanos).ts_us, 1559033904863769);
  EXPECT_EQ(reason_of_flat(&kIdOnly, R"({"id":1,"__source_ts_ms":253402300800000})"),
            "member \"__source_ts_ms\" is out of range");
  EXPECT_EQ(reason_of_flat(&kIdOnly, R"({"id":1,"__source_ts_ms":1.5})"),
            "member \"__source_ts_ms\" is not a time");
}

TEST(Flattened, WithoutAnyTimeThereIsNoVersion) {
  Decoder decoder = flattening();
  const std::string value = R"({"id":1})";
  Message its_message = message(&kIdOnly, &value);
  its_message.timestamp_ms = -1;
  EXPECT_THROW(decoder.decode(its_message), DecodeError);
}

// In rewrite mode the other columns of a deleted row are null or made up.
TEST(Flattened, OfADeletedRowOnlyTheKeyIsUsed) {
  Decoder decoder = flattening();
  const std::string value =
      flat(with_added(kRow),
           R"({"id":1,"name":"","blob":"","tags":[],"__deleted":"true","__op":"d","__table":"t",)"
           R"("__source_ts_ms":1559033904863})");
  const Change change = row_of_flat(decoder, &kKey1, &value);
  EXPECT_EQ(change.op, Op::remove);
  EXPECT_EQ(change.row.fields, int_cell(1) + kNull + kNull + kNull);
  EXPECT_FALSE(change.before);
  const std::string bare = R"({"id":1,"name":"","__deleted":"true"})";
  Decoder other = flattening();
  const Change bare_change = row_of_flat(other, &kIdOnly, &bare);
  EXPECT_EQ(bare_change.op, Op::remove);
  EXPECT_EQ(bare_change.schema->columns.size(), 1U);
}

TEST(Flattened, ATombstoneIsADelete) {
  Decoder decoder = flattening();
  const Change first = row_of_flat(decoder, &kKey1, nullptr);
  EXPECT_EQ(first.op, Op::remove);
  EXPECT_EQ(first.ts_us, kRecordMs * 1000);
  EXPECT_EQ(*first.table, (EventTable{"srv", "", "public", "t"}));
  EXPECT_EQ(first.row.fields, int_cell(1));
  EXPECT_THAT(first.schema->key, ElementsAre(0));
  EXPECT_EQ(row_of_flat(decoder, &kKey1, nullptr).schema, first.schema);
  const std::string value = flat(kRow, kAnne);
  const Change row = row_of_flat(decoder, &kKey1, &value);
  const Change later = row_of_flat(decoder, &kKey1, nullptr);
  EXPECT_EQ(later.schema, row.schema);
  EXPECT_EQ(later.row.fields, int_cell(1) + kNull + kNull + kNull);
  const std::string null = R"({"schema":null,"payload":null})";
  EXPECT_EQ(row_of_flat(decoder, &kKey1, &null).op, Op::remove);
}

// Each of them, and whether or not a row has come: what the key holds is finer than a microsecond,
// or no time of a day.
TEST(Flattened, ATombstoneIsADeleteWhereTheKeyNeedsTheWiderType) {
  const std::vector<std::tuple<std::string, std::string, std::string>> keys = {
      {"io.debezium.time.NanoTimestamp", "1529507596945104700", "2018-06-20 15:13:16.9451047"},
      {"io.debezium.time.MicroTime", "-1000000", "-00:00:01"}};
  for (const auto& [semantic, value, text] : keys) {
    const std::vector<TestField> key = {{"k", "int64", semantic, ""}};
    const std::vector<TestField> row = {{"k", "int64", semantic, ""}, {"v", "string", "", ""}};
    const std::string key_text = key_json(key, R"({"k":)" + value + "}");
    for (const bool has_row : {false, true}) {
      Decoder decoder = flattening();
      const std::string row_text = flat(row, R"({"k":)" + value + R"(,"v":"x"})");
      if (has_row) {
        EXPECT_EQ(row_of_flat(decoder, &key_text, &row_text).row.fields, cell(text) + cell("x"));
      }
      for (int i = 0; i < 3; ++i) {
        const Change deleted = row_of_flat(decoder, &key_text, nullptr);
        EXPECT_EQ(deleted.op, Op::remove);
        EXPECT_EQ(deleted.row.fields, cell(text) + (has_row ? kNull : ""));
        EXPECT_EQ(deleted.schema->columns[0].type, catalog::PgType::text);
      }
    }
  }
}

TEST(Flattened, ATombstoneWithoutSchemaIsADelete) {
  Decoder decoder = flattening();
  EXPECT_EQ(row_of_flat(decoder, &kIdOnly, nullptr).row.fields, flat_numeric("1"));
  const std::string value = R"({"id":1,"name":"Anne"})";
  row_of_flat(decoder, &kIdOnly, &value);
  EXPECT_EQ(row_of_flat(decoder, &kIdOnly, nullptr).row.fields, flat_numeric("1") + kNull);
  const std::string null = "null";  // as JsonConverter writes those of the transform
  EXPECT_EQ(row_of_flat(decoder, &kIdOnly, &null).op, Op::remove);
  EXPECT_TRUE(std::holds_alternative<Ignored>(decoded_flat(decoder, nullptr, nullptr)));
  EXPECT_TRUE(std::holds_alternative<Ignored>(decoded_flat(decoder, &null, &null)));
}

TEST(Flattened, RowsNeedNoSchemas) {
  Decoder decoder = flattening();
  const std::string value = R"({"id":1,"op":"x","source":"y","status":"END","ts_ms":5})";
  const Change change = row_of_flat(decoder, &kIdOnly, &value);
  EXPECT_EQ(change.schema->columns.size(), 5U);
  EXPECT_EQ(change.row.fields,
            flat_numeric("1") + cell("x") + cell("y") + cell("END") + flat_numeric("5"));
  const std::string time_alone = R"({"ts_ms":5})";
  EXPECT_EQ(row_of_flat(decoder, &kIdOnly, &time_alone).op, Op::update);
}

// A source may call a column like what a transform adds.
TEST(Flattened, AKeysColumnsAreColumnsWhateverTheirNames) {
  const std::vector<TestField> key = {{"__name", "string", "", ""}};
  const std::vector<TestField> row = {{"__name", "string", "", ""},
                                      {"v", "string", "", ""},
                                      {"__version", "string", "", ""},
                                      {"__deleted", "string", "", ""}};
  const std::string key_text = key_json(key, R"({"__name":"a"})");
  const std::string text =
      flat(row, R"({"__name":"a","v":"__debezium_unavailable_value","__version":"2",)"
                R"("__deleted":"false"})");
  const HeardLog log;
  Decoder decoder = flattening();
  for (int i = 0; i < 2; ++i) {
    const Change change = row_of_flat(decoder, &key_text, &text);
    EXPECT_EQ(change.schema->columns.size(), 2U);
    EXPECT_EQ(change.schema->columns.at(change.schema->key.at(0)).name, "__name");
    EXPECT_EQ(change.row.fields, kNull + cell("a"));
    EXPECT_THAT(change.row.unavailable, ElementsAre(0));
    EXPECT_EQ(row_of_flat(decoder, &key_text, nullptr).row.fields, kNull + cell("a"));
  }
  EXPECT_EQ(log.text(),
            "info table public.t: __version, __deleted are taken for what the transform adds "
            "to its rows, and make no columns\n");
  Decoder bare = flattening();
  const std::string bare_key = R"({"__name":"a"})";
  const std::string bare_text = R"({"__name":"a","v":"x","__version":"2"})";
  const Change change = row_of_flat(bare, &bare_key, &bare_text);
  EXPECT_EQ(change.row.fields, cell("a") + cell("x"));
  EXPECT_THAT(change.schema->key, ElementsAre(0));
}

TEST(Flattened, RowsWithoutKeyAreInserted) {
  Decoder decoder = flattening();
  const std::string value = R"({"a":1})";
  const Change change = row_of_flat(decoder, nullptr, &value);
  EXPECT_EQ(change.op, Op::create);
  EXPECT_TRUE(change.schema->key.empty());
}

TEST(Flattened, UnavailableValuesAreKnownWhereTheyCanBe) {
  const std::string marked = flat(kRow, kMarkedRow);
  Decoder decoder = flattening();
  EXPECT_THAT(row_of_flat(decoder, &kKey1, &marked).row.unavailable, ElementsAre(1, 2, 3));
  const std::string inserted =
      flat(with_added(kRow), kMarkedRow.substr(0, kMarkedRow.size() - 1) + R"(,"__op":"c"})");
  EXPECT_TRUE(row_of_flat(decoder, &kKey1, &inserted).row.unavailable.empty());
}

TEST(Flattened, AvroIsTheSame) {
  const auto schemas = std::make_shared<TestSchemas>();
  ingest::DecoderOptions options;
  options.shape = ingest::EventShape::flattened;
  options.schemas = schemas;
  Decoder decoder(options);
  const std::string key = registered(*schemas, kKey1);
  const std::vector<TestField> fields(kRow.begin(), kRow.begin() + 3);
  const std::string value = registered(
      *schemas, flat(with_added(fields), R"({"id":1,"name":"Anne","blob":"AQID",)"
                                         R"("__deleted":"false","__op":"u","__table":"t",)"
                                         R"("__source_ts_ms":1559033904863})"));
  const Change row = row_of_flat(decoder, &key, &value);
  EXPECT_EQ(row.ts_us, 1559033904863000);
  EXPECT_EQ(row.row.fields, int_cell(1) + cell("Anne") + cell("\1\2\3"));
  const Change deleted = row_of_flat(decoder, &key, nullptr);
  EXPECT_EQ(deleted.op, Op::remove);
  EXPECT_EQ(deleted.row.fields, int_cell(1) + kNull + kNull);
}

TEST(Flattened, AKeyChangeIsToldByItsHeader) {
  Decoder decoder = flattening();
  const std::string marked = flat(kRow, kMarkedRow);
  Message its_message = message(&kKey1, &marked);
  its_message.timestamp_ms = kRecordMs;
  its_message.headers = {{"__debezium.oldkey", key_json(kKey, R"({"id":7})")}};
  const Change change = std::get<Change>(decoder.decode(its_message));
  EXPECT_EQ(change.op, Op::create);
  EXPECT_EQ(change.fill_key, int_cell(7));
  EXPECT_THAT(change.row.unavailable, ElementsAre(1, 2, 3));
}

TEST(Flattened, DebeziumsOtherMessagesAreNoRows) {
  Decoder decoder = flattening();
  const auto kind_of = [&](const std::string& key, const std::string& value) {
    return std::get<Ignored>(decoded_flat(decoder, &key, &value)).kind;
  };
  EXPECT_EQ(kind_of(R"({"serverName":"srv"})", R"({"ts_ms":5})"), IgnoredKind::heartbeat);
  EXPECT_EQ(kind_of(R"({"id":"1"})",
                    R"({"status":"END","id":"1","event_count":1,"data_collections":[],"ts_ms":5})"),
            IgnoredKind::transaction);
  EXPECT_EQ(kind_of(R"({"id":"1"})",
                    R"({"id":"1","aggregate_type":"Initial Snapshot","type":"COMPLETED",)"
                    R"("additional_data":{},"timestamp":5})"),
            IgnoredKind::notification);
  EXPECT_EQ(kind_of(R"({"databaseName":"shop"})",
                    R"({"source":{},"ts_ms":5,"databaseName":"shop","ddl":"x","tableChanges":[]})"),
            IgnoredKind::schema_change);
  const std::string heartbeat =
      framed(R"({"type":"struct","fields":[{"type":"int64","field":"ts_ms"}],)"
             R"("name":"io.debezium.connector.common.Heartbeat"})",
             R"({"ts_ms":5})");
  EXPECT_EQ(kind_of(R"({"serverName":"srv"})", heartbeat), IgnoredKind::heartbeat);
}

TEST(Flattened, AnEnvelopeIsToldToBeOne) {
  EXPECT_THAT(reason_of_flat(&kKey1, change_json(kRow, {.after = kAnne})),
              testing::HasSubstr("option events"));
  EXPECT_THAT(reason_of_flat(&kIdOnly, envelope_json({.after = R"({"id":1})"})),
              testing::HasSubstr("option events"));
}

// A source that expects envelopes says what to do.
TEST(Flattened, NeedsTheOption) {
  EXPECT_THAT(reason_of(&kKey1, flat(kRow, kAnne)), testing::HasSubstr("option events"));
  EXPECT_THAT(reason_of(&kIdOnly, R"({"id":1,"name":"Anne"})"),
              testing::HasSubstr("option events"));
}

TEST(TopicTables, AreTheLastPartsOfATopic) {
  EXPECT_EQ(ingest::default_table_of("srv.public.t"), (EventTable{"srv", "", "public", "t"}));
  EXPECT_EQ(ingest::default_table_of("my.srv.dbo.t"), (EventTable{"my.srv", "", "dbo", "t"}));
  EXPECT_EQ(ingest::default_table_of("shop.t"), (EventTable{"", "", "shop", "t"}));
  EXPECT_EQ(ingest::default_table_of("t"), (EventTable{"", "", "public", "t"}));
}

TEST(TopicTables, AreWhatTheirExpressionSays) {
  const TopicTables tables("^(?<server>[^-]+)-((?<db>\\w+)-)?(?<schema>\\w+)-(?<table>.+)$");
  EXPECT_EQ(tables.table_of("srv-shop-public-t.1"), (EventTable{"srv", "shop", "public", "t.1"}));
  EXPECT_EQ(tables.table_of("srv-public-t"), (EventTable{"srv", "", "public", "t"}));
  EXPECT_EQ(tables.table_of("srv.public.t"), std::nullopt);
  for (const char* wrong : {"(?<table>.*)", "(?<schema>x)", "(?<schema>x)(?<table>y", "x"})
    EXPECT_THROW(TopicTables{wrong}, catalog::Error) << wrong;
  Decoder decoder = flattening("(?<schema>x)(?<table>y)");
  const std::string value = R"({"id":1})";
  EXPECT_THROW(decoded_flat(decoder, &kIdOnly, &value), DecodeError);
}

}  // namespace
}  // namespace metadb::tests
