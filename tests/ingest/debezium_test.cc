#include "ingest/debezium.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <variant>
#include <vector>

#include "tests/ingest/decoding.h"

namespace metadb::tests {
namespace {

using ingest::Change;
using ingest::DecodeError;
using ingest::Decoder;
using ingest::Ignored;
using ingest::IgnoredKind;
using ingest::Message;
using ingest::Op;
using ingest::Sequence;
using ingest::SnapshotMark;

TEST(Envelope, GivesOpTableTimeAndPosition) {
  const std::string value = change_json(kRow, {.op = "c", .after = kAnne});
  const Change change = change_of(&kKey1, value);
  EXPECT_EQ(change.op, Op::create);
  EXPECT_EQ(change.snapshot, SnapshotMark::streaming);
  EXPECT_EQ(change.ts_us, 1559033904863769);
  EXPECT_EQ(change.sequence, (Sequence{24023119, 24023128}));
  EXPECT_EQ(*change.table, (ingest::EventTable{"srv", "shop", "public", "t"}));
  ASSERT_NE(change.schema, nullptr);
  EXPECT_EQ(change.schema->key, std::vector<uint16_t>{0});
  ASSERT_EQ(change.schema->columns.size(), 4U);
  EXPECT_EQ(change.schema->columns[3].name, "tags");
  EXPECT_EQ(change.schema->columns[3].type, catalog::PgType::text);
  EXPECT_EQ(change.row.fields, kAnneCells);
  EXPECT_TRUE(change.row.unavailable.empty());
  EXPECT_EQ(change.before, std::nullopt);
}

TEST(Envelope, KnowsEveryOp) {
  const std::vector<std::pair<std::string, Op>> ops = {
      {"c", Op::create}, {"u", Op::update}, {"r", Op::read}};
  for (const auto& [letter, op] : ops) {
    EXPECT_EQ(change_of(&kKey1, change_json(kRow, {.op = letter, .after = kAnne})).op, op);
  }
  EXPECT_EQ(reason_of(&kKey1, change_json(kRow, {.op = "x", .after = kAnne})),
            "member \"op\" is none of c, u, d, r, t, m");
  EXPECT_EQ(reason_of(&kKey1, change_json(kRow, {.op = "u"})), "member \"after\" is null");
}

TEST(Envelope, TakesMillisecondsWhereThereAreNoMicroseconds) {
  const std::string source = source_with(R"("ts_us":1559033904863769,)", "");
  EXPECT_EQ(change_of(&kKey1, change_json(kRow, {.after = kAnne, .source = source})).ts_us,
            1559033904863000);
}

TEST(Envelope, RefusesATimeThatNoRowCanHave) {
  for (const char* time : {"253402300800000000", "9223372036854775807", "\"x\"", "1.5"}) {
    const std::string source = source_with("1559033904863769,", std::string(time) + ",");
    const std::string reason =
        reason_of(&kKey1, change_json(kRow, {.after = kAnne, .source = source}));
    EXPECT_NE(reason.find("source.ts_"), std::string::npos) << reason;
  }
}

TEST(Envelope, ReadsEverySnapshotMarker) {
  const std::vector<std::pair<std::string, SnapshotMark>> marks = {
      {R"("true")", SnapshotMark::in_snapshot},
      {"true", SnapshotMark::in_snapshot},
      {R"("first")", SnapshotMark::first},
      {R"("first_in_data_collection")", SnapshotMark::first_in_data_collection},
      {R"("last_in_data_collection")", SnapshotMark::last_in_data_collection},
      {R"("last")", SnapshotMark::last},
      {R"("incremental")", SnapshotMark::incremental},
      {R"("false")", SnapshotMark::streaming},
      {"false", SnapshotMark::streaming},
      {"null", SnapshotMark::streaming},
      {R"("of_tomorrow")", SnapshotMark::in_snapshot},
  };
  for (const auto& [json, mark] : marks) {
    const std::string source = source_with(R"("snapshot":"false")", R"("snapshot":)" + json);
    const std::string value = change_json(kRow, {.op = "r", .after = kAnne, .source = source});
    EXPECT_EQ(change_of(&kKey1, value).snapshot, mark) << json;
  }
  const std::string source = source_with(R"("snapshot":"false",)", "");
  EXPECT_EQ(change_of(&kKey1, change_json(kRow, {.after = kAnne, .source = source})).snapshot,
            SnapshotMark::streaming);
}

TEST(Envelope, NeedsBothHalvesOfASequence) {
  for (const std::string json : {R"("[null,\"24023128\"]")", R"("[\"1\"]")", R"("[\"x\",\"2\"]")",
                                 R"("")", "null", "7", R"("[\"1\",\"2\",\"3\"]")", R"("[1,2]")"}) {
    const std::string source = source_with(R"("[\"24023119\",\"24023128\"]")", json);
    const std::string value = change_json(kRow, {.after = kAnne, .source = source});
    EXPECT_EQ(change_of(&kKey1, value).sequence, std::nullopt) << json;
  }
  const std::string source =
      source_with(R"("[\"24023119\",\"24023128\"]")", R"("[\"18446744073709551615\", \"2\"]")");
  EXPECT_EQ(change_of(&kKey1, change_json(kRow, {.after = kAnne, .source = source})).sequence,
            (Sequence{UINT64_MAX, 2}));
}

TEST(Envelope, UsesTheDatabaseWhereThereAreNoSchemas) {
  const std::string source = source_with(R"("schema":"public",)", "");
  EXPECT_EQ(change_of(&kKey1, change_json(kRow, {.after = kAnne, .source = source})).table->schema,
            "shop");
}

TEST(Envelope, HasTheConnectorsTimeWhereTheSourceTellsNone) {
  std::string source = source_with(R"("ts_ms":1559033904863,)", R"("ts_ms":null,)");
  source.replace(source.find(R"("ts_us":1559033904863769,)"), 25, "");
  EXPECT_EQ(change_of(&kKey1, change_json(kRow, {.after = kAnne, .source = source})).ts_us,
            1559033904900000);
}

TEST(Envelope, NeedsATable) {
  const std::string source = source_with(R"("table":"t")", R"("table":null)");
  EXPECT_EQ(reason_of(&kKey1, change_json(kRow, {.after = kAnne, .source = source})),
            "member \"source.table\" is missing");
}

TEST(Delete, TakesItsKeyFromTheRecordsKey) {
  const std::string value =
      change_json(kRow, {.op = "d", .before = R"({"id":1,"name":"","blob":"","tags":[]})"});
  const Change change = change_of(&kKey1, value);
  EXPECT_EQ(change.op, Op::remove);
  EXPECT_EQ(change.row.fields, int_cell(1) + kNull + kNull + kNull);
  EXPECT_EQ(change.before, std::nullopt);
  EXPECT_EQ(change_of(&kKey1, change_json(kRow, {.op = "d"})).row.fields, change.row.fields);
}

TEST(Delete, TakesItsKeyFromBeforeIfTheKeyIsEncodedDifferently) {
  const std::string key = key_json({{"id", "int64", "", ""}}, R"({"id":1})");
  const std::string value =
      change_json(kRow, {.op = "d", .before = R"({"id":1,"name":null,"blob":null,"tags":null})"});
  EXPECT_EQ(change_of(&key, value).row.fields, int_cell(1) + kNull + kNull + kNull);
  EXPECT_EQ(reason_of(&key, change_json(kRow, {.op = "d"})),
            "column \"id\": no value in the key of a delete");
}

TEST(Key, KeepsItsOwnOrder) {
  const std::string key =
      key_json({{"name", "string", "", ""}, {"id", "int32", "", ""}}, R"({"name":"Anne","id":1})");
  const Change change = change_of(&key, change_json(kRow, {.after = kAnne}));
  EXPECT_EQ(change.schema->key, (std::vector<uint16_t>{1, 0}));
}

TEST(Key, IgnoresTheFieldOfARouter) {
  const std::string key =
      key_json({{"id", "int32", "", ""}, {"__dbz__physicalTableIdentifier", "string", "", ""}},
               R"({"id":1,"__dbz__physicalTableIdentifier":"srv.public.t"})");
  EXPECT_EQ(change_of(&key, change_json(kRow, {.after = kAnne})).schema->key,
            std::vector<uint16_t>{0});
  const std::string deleted = change_json(kRow, {.op = "d"});
  EXPECT_EQ(change_of(&key, deleted).row.fields, int_cell(1) + kNull + kNull + kNull);
}

TEST(Key, MustBeOfTheRow) {
  const std::string key = key_json({{"other", "int32", "", ""}}, R"({"other":1})");
  EXPECT_EQ(reason_of(&key, change_json(kRow, {.after = kAnne})),
            "key field \"other\" is not a column of the row");
}

TEST(Key, MayBeMissing) {
  const std::string null_key = R"({"schema":null,"payload":null})";
  const std::string value = change_json(kRow, {.after = kAnne});
  EXPECT_TRUE(change_of(nullptr, value).schema->key.empty());
  EXPECT_TRUE(change_of(&null_key, value).schema->key.empty());
}

TEST(Key, MustBeReadable) {
  const std::string value = change_json(kRow, {.after = kAnne});
  const std::string text = "\"srv\"";
  const std::string cut = kKey1.substr(0, kKey1.size() - 1);
  EXPECT_EQ(reason_of(&text, value), "key is not a JSON object");
  EXPECT_EQ(reason_of(&cut, value).substr(0, 20), "key: not valid JSON:");
}

TEST(Before, IsKeptForTablesWithoutKeyOnly) {
  const std::string bert = R"({"id":2,"name":"Bert","blob":null,"tags":null})";
  const std::string update = change_json(kRow, {.op = "u", .before = kAnne, .after = bert});
  const Change keyless = change_of(nullptr, update);
  ASSERT_TRUE(keyless.before.has_value());
  EXPECT_EQ(keyless.before->fields, kAnneCells);
  EXPECT_EQ(keyless.row.fields, int_cell(2) + cell("Bert") + kNull + kNull);
  EXPECT_EQ(change_of(&kKey1, update).before, std::nullopt);
  const Change deleted = change_of(nullptr, change_json(kRow, {.op = "d", .before = kAnne}));
  ASSERT_TRUE(deleted.before.has_value());
  EXPECT_EQ(deleted.row.fields, kNull + kNull + kNull + kNull);
  EXPECT_EQ(change_of(nullptr, change_json(kRow, {.op = "d"})).before, std::nullopt);
}

TEST(Before, IsKeptWhereTheKeyHasANull) {
  const std::vector<TestField> fields = {{"id", "int32", "", ""},
                                         {"name", "string", "", ""},
                                         {"__dbz__physicalTableIdentifier", "string", "", ""}};
  const std::string key = key_json(fields, R"({"id":1,"name":null})");
  const std::string before = R"({"id":1,"name":null,"blob":"AQID","tags":["a"]})";
  const std::string cells = int_cell(1) + kNull + cell("\1\2\3") + cell("[\"a\"]");
  const std::string after = R"({"id":1,"name":null,"blob":null,"tags":null})";
  const Change updated =
      change_of(&key, change_json(kRow, {.op = "u", .before = before, .after = after}));
  ASSERT_TRUE(updated.before.has_value());
  EXPECT_EQ(updated.before->fields, cells);
  const Change deleted = change_of(&key, change_json(kRow, {.op = "d", .before = before}));
  ASSERT_TRUE(deleted.before.has_value());
  EXPECT_EQ(deleted.before->fields, cells);
  EXPECT_EQ(deleted.row.fields, int_cell(1) + kNull + kNull + kNull);
  const std::string whole = key_json(fields, R"({"id":1,"name":"x"})");
  EXPECT_EQ(change_of(&whole, change_json(kRow, {.op = "d", .before = before})).before,
            std::nullopt);
}

TEST(Truncate, NamesATableAndNoRow) {
  const Change change = change_of(nullptr, change_json(kRow, {.op = "t"}));
  EXPECT_EQ(change.op, Op::truncate);
  EXPECT_EQ(change.table->table, "t");
  EXPECT_EQ(change.schema, nullptr);
  EXPECT_TRUE(change.row.fields.empty());
}

TEST(Row, TakesMembersInAnyOrderAndMissingOnesAsNull) {
  const std::string value = change_json(kRow, {.after = R"({"name":"Anne","id":1})"});
  EXPECT_EQ(change_of(&kKey1, value).row.fields, int_cell(1) + cell("Anne") + kNull + kNull);
}

TEST(Row, RefusesMembersThatTheSchemaDoesNotName) {
  EXPECT_EQ(reason_of(&kKey1, change_json(kRow, {.after = R"({"id":1,"surprise":2})"})),
            "column \"surprise\" is not in the schema");
  EXPECT_EQ(reason_of(&kKey1, change_json(kRow, {.after = R"({"id":1,"id":2})"})),
            "column \"id\" appears twice");
}

TEST(Row, RefusesASchemaThatNamesAColumnTwice) {
  const std::vector<TestField> fields = {{"id", "int32", "", ""}, {"id", "string", "", ""}};
  EXPECT_EQ(reason_of(nullptr, change_json(fields, {.after = R"({"id":1})"})),
            "column \"id\" appears twice in the schema");
}

TEST(MessageKinds, AreToldApartBySchema) {
  const auto with_schema = [](const std::string& name, const std::string& fields,
                              const std::string& payload) {
    return framed(R"({"type":"struct","fields":[)" + fields + R"(],"name":")" + name + R"("})",
                  payload);
  };
  const std::string ts = R"({"type":"int64","field":"ts_ms"})";
  const std::string heartbeat =
      with_schema("io.debezium.connector.common.Heartbeat", ts, R"({"ts_ms":1559033904863})");
  const std::string server =
      key_json({{"serverName", "string", "", ""}}, R"({"serverName":"srv"})");
  const Ignored beat = ignored(&server, &heartbeat);
  EXPECT_EQ(beat.kind, IgnoredKind::heartbeat);
  EXPECT_EQ(beat.server_name, "srv");
  EXPECT_EQ(beat.ts_us, 1559033904863000);

  const std::string boundary =
      with_schema("io.debezium.connector.common.TransactionMetadataValue", ts,
                  R"({"status":"END","id":"571:53195829","event_count":2})");
  EXPECT_EQ(ignored(nullptr, &boundary).kind, IgnoredKind::transaction);
  const std::string notification =
      with_schema("io.debezium.connector.common.Notification", ts,
                  R"({"id":"x","aggregate_type":"Initial Snapshot","type":"COMPLETED"})");
  EXPECT_EQ(ignored(nullptr, &notification).kind, IgnoredKind::notification);
  EXPECT_NE(ignored(nullptr, &notification).text.find("COMPLETED"), std::string::npos);
  const std::string ddl =
      with_schema("io.debezium.connector.mysql.SchemaChangeValue", ts, R"({"ddl":"x"})");
  EXPECT_EQ(ignored(nullptr, &ddl).kind, IgnoredKind::schema_change);
  const std::string other = with_schema("com.example.Order", ts + "," + ts, R"({"ts_ms":1})");
  EXPECT_EQ(ignored(nullptr, &other).kind, IgnoredKind::unknown);
  EXPECT_NE(ignored(nullptr, &other).text.find("com.example.Order"), std::string::npos);
  const std::string logical = change_json(kRow, {.op = "m"});
  EXPECT_EQ(ignored(nullptr, &logical).kind, IgnoredKind::logical_message);
  EXPECT_EQ(ignored(nullptr, &logical).server_name, "srv");
}

TEST(MessageKinds, AreToldApartByMembersWithoutSchema) {
  const std::vector<std::pair<std::string, IgnoredKind>> kinds = {
      {R"({"ts_ms":1559033904863})", IgnoredKind::heartbeat},
      {R"({"status":"BEGIN","id":"571"})", IgnoredKind::transaction},
      {R"({"id":"x","aggregate_type":"Initial Snapshot"})", IgnoredKind::notification},
      {R"({"databaseName":"d","ddl":"create table x"})", IgnoredKind::schema_change},
      {R"({"type":"execute-snapshot","data":{}})", IgnoredKind::signal},
      {R"({"hello":"world"})", IgnoredKind::unknown},
      {R"({})", IgnoredKind::unknown},
      {R"({"schema":{"type":"string"},"payload":"x"})", IgnoredKind::unknown},
  };
  for (const auto& [value, kind] : kinds) EXPECT_EQ(ignored(nullptr, &value).kind, kind) << value;
}

TEST(MessageKinds, RowsWithoutEnvelopeAreNotLost) {
  const std::string schemaless_key = R"({"id":1})";
  const std::string renamed = framed(struct_schema_json(kRow, R"(,"name":"Order")"), kAnne);
  for (const std::string& row :
       {std::string(R"({"id":1,"name":"anne"})"), std::string(R"({"id":1,"status":"open"})"),
        std::string(R"({"type":"book","data":{}})"), renamed}) {
    for (const std::string& key : {kKey1, schemaless_key}) {
      EXPECT_NE(reason_of(&key, row).find("option events"), std::string::npos) << row;
    }
    const std::string text_key = R"("1")";
    EXPECT_NE(ignored(&text_key, &row).kind, IgnoredKind::tombstone) << row;
  }
  const std::string transaction_key = R"({"id":"571"})";
  const std::string boundary = R"({"status":"BEGIN","id":"571"})";
  EXPECT_EQ(ignored(&transaction_key, &boundary).kind, IgnoredKind::transaction);
}

TEST(MessageKinds, TombstonesHaveNoValue) {
  const std::string empty;
  const std::string null = R"({"schema":null,"payload":null})";
  EXPECT_EQ(ignored(&kKey1, nullptr).kind, IgnoredKind::tombstone);
  EXPECT_EQ(ignored(nullptr, nullptr).kind, IgnoredKind::tombstone);
  EXPECT_EQ(ignored(nullptr, &empty).kind, IgnoredKind::tombstone);
  EXPECT_EQ(ignored(nullptr, &null).kind, IgnoredKind::tombstone);
}

TEST(MessageKinds, DataThatIsNotBuiltYetIsRefusedByName) {
  EXPECT_EQ(reason_of(nullptr, R"({"specversion":"1.0","type":"io.debezium","data":{}})"),
            "CloudEvents are not supported yet");
  EXPECT_EQ(reason_of(nullptr, "\3" + std::string(20, 'x')),
            "value is framed by AWS Glue, which is not supported");
  EXPECT_EQ(reason_of(nullptr, "garbage"), "value is not a JSON object");
  EXPECT_EQ(reason_of(nullptr, "[1]"), "value is not a JSON object");
  EXPECT_EQ(reason_of(nullptr, "{\"a\":\"\xff\"}"), "not valid UTF-8");
}

TEST(SchemaCache, SameBytesGiveTheSameSchema) {
  Decoder decoder;
  const Change first = change_of(decoder, &kKey1, change_json(kRow, {.after = kAnne}));
  const Change second = change_of(decoder, &kKey1, change_json(kRow, {.op = "u", .after = kAnne}));
  EXPECT_EQ(first.schema, second.schema);
  EXPECT_EQ(first.table, second.table);
}

TEST(SchemaCache, ChangedBytesGiveANewPlanAndOldOnesAreRemembered) {
  Decoder decoder;
  std::vector<TestField> wider = kRow;
  wider[0].type = "int64";
  wider.push_back({"more", "boolean", "", ""});
  const Change first = change_of(decoder, &kKey1, change_json(kRow, {.after = kAnne}));
  const Change second =
      change_of(decoder, &kKey1, change_json(wider, {.after = R"({"id":1,"more":true})"}));
  const Change third = change_of(decoder, &kKey1, change_json(kRow, {.after = kAnne}));
  EXPECT_EQ(second.schema->columns.size(), 5U);
  EXPECT_EQ(second.schema->columns[0].type, catalog::PgType::int8);
  EXPECT_EQ(first.schema, third.schema);
  EXPECT_EQ(third.row.fields, kAnneCells);
}

TEST(SchemaCache, HoldsAnyNumberOfVersionsAndTopicsInBoundedSpace) {
  Decoder decoder;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 200; i++) {
      std::vector<TestField> fields = {{"c" + std::to_string(i % 9), "int32", "", ""}};
      const std::string value =
          change_json(fields, {.after = R"({"c)" + std::to_string(i % 9) + R"(":1})"});
      const std::string topic = "topic" + std::to_string(i % 100);
      Message its_message = message(nullptr, &value);
      its_message.topic = topic;
      const auto change = std::get<Change>(decoder.decode(its_message));
      EXPECT_EQ(change.schema->columns[0].name, fields[0].name);
    }
  }
}

TEST(SchemaCache, IsNotNeededForOtherSpellings) {
  Decoder decoder;
  const std::string schema = envelope_schema_json(kRow);
  const std::string payload = envelope_json({.after = kAnne});
  const std::vector<std::string> spellings = {
      R"({"payload":)" + payload + R"(,"schema":)" + schema + "}",
      "  { \"schema\" : " + schema + " ,\n \"payload\" : " + payload + " } \n",
      framed(schema, payload),
      framed(schema, " " + payload + " "),
  };
  std::shared_ptr<const ingest::RowSchema> seen;
  for (int round = 0; round < 2; round++) {
    for (const std::string& value : spellings) {
      const Change change = change_of(decoder, &kKey1, value);
      EXPECT_EQ(change.row.fields, kAnneCells);
      EXPECT_TRUE(seen == nullptr || change.schema == seen);
      seen = change.schema;
    }
  }
}

TEST(AnyBytes, ACutMessageIsAnError) {
  const std::string value = change_json(kRow, {.after = kAnne});
  Decoder fresh;
  Decoder warm;
  change_of(warm, &kKey1, value);
  for (size_t length = 1; length < value.size(); length++) {
    const std::string cut = value.substr(0, length);
    const std::string whole_key = kKey1;
    EXPECT_THROW(fresh.decode(message(&whole_key, &cut)), DecodeError) << cut;
    EXPECT_THROW(warm.decode(message(&whole_key, &cut)), DecodeError) << cut;
  }
  for (size_t length = 1; length < kKey1.size(); length++) {
    const std::string cut = kKey1.substr(0, length);
    EXPECT_THROW(warm.decode(message(&cut, &value)), DecodeError) << cut;
  }
  EXPECT_EQ(change_of(warm, &kKey1, value).row.fields, kAnneCells);
}

// Flips, drops and doubles bytes of good messages; only DecodeError may come of it.
TEST(AnyBytes, NeverHarmTheDecoder) {
  std::mt19937 random(20260904);
  const auto below = [&](size_t end) {
    return std::uniform_int_distribution<size_t>(0, end - 1)(random);
  };
  const std::vector<std::string> good = {
      change_json(kRow, {.after = kAnne}), change_json(kRow, {.op = "u", .after = kMarkedRow}),
      change_json(kRow, {.op = "d", .before = kAnne}), R"({"ts_ms":1559033904863})"};
  const std::string bytes = "{}[]\",:\\u0n9-.eE\xc3\xff ";
  Decoder decoder;
  size_t decoded = 0;
  size_t refused = 0;
  for (int i = 0; i < 20000; i++) {
    std::string value = good[below(good.size())];
    std::string key = kKey1;
    for (size_t edits = 1 + below(3); edits > 0; edits--) {
      std::string& text = below(5) == 0 ? key : value;
      const size_t at = below(text.size());
      const size_t kind = below(3);
      if (kind == 0) text[at] = bytes[below(bytes.size())];
      if (kind == 1) text.erase(at, 1 + below(4));
      if (kind == 2) text.insert(at, text.substr(at, below(30)));
      if (text.empty()) text = "{";
    }
    try {
      decoder.decode(message(&key, &value));
      decoded++;
    } catch (const DecodeError& error) {
      EXPECT_NE(std::string(error.what()), "");
      refused++;
    }
  }
  EXPECT_GT(decoded, 100U);
  EXPECT_GT(refused, 1000U);
}

TEST(AnyBytes, DeepNestingIsAnError) {
  const std::string deep = R"({"a":)" + std::string(100000, '[') + std::string(100000, ']') + "}";
  EXPECT_NE(reason_of(nullptr, deep).find("not valid JSON"), std::string::npos);
}

// As a router leaves them that makes one topic of many tables: none is parsed again while the
// others come in between.
TEST(Decode, SchemasOfManyTablesTakeTurns) {
  Decoder decoder;
  std::vector<std::shared_ptr<const ingest::RowSchema>> schemas;
  for (int round = 0; round < 3; ++round) {
    for (int table = 0; table < 40; ++table) {
      const std::string name = "c" + std::to_string(table);
      const std::vector<TestField> fields = {{"id", "int32", "", ""}, {name, "string", "", ""}};
      const auto schema =
          change_of(decoder, &kKey1,
                    change_json(fields, {.after = R"({"id":1,")" + name + R"(":"x"})"}))
              .schema;
      if (round == 0) schemas.push_back(schema);
      EXPECT_EQ(schema, schemas[static_cast<size_t>(table)]);
    }
  }
}

}  // namespace
}  // namespace metadb::tests
