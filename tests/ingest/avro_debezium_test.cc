// Events in Avro become what the same events in JSON become.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "ingest/debezium.h"
#include "ingest/json_lines.h"
#include "tests/ingest/avro_messages.h"
#include "tests/ingest/debezium_array_samples.h"
#include "tests/ingest/debezium_value_samples.h"
#include "tests/ingest/decoding.h"
#include "tests/ingest/recorded_avro.h"

namespace metadb::tests {
namespace {

using ingest::Change;
using ingest::Decoded;
using ingest::DecodeError;
using ingest::Decoder;
using ingest::DecoderOptions;
using ingest::Header;
using ingest::Ignored;
using ingest::IgnoredKind;
using ingest::Message;
using ingest::SchemaMissing;

void expect_same_row(const ingest::Row& avro, const ingest::Row& json) {
  EXPECT_EQ(avro.fields, json.fields);
  EXPECT_EQ(avro.unavailable, json.unavailable);
}

void expect_same(const Change& avro, const Change& json) {
  EXPECT_EQ(avro.op, json.op);
  EXPECT_EQ(avro.snapshot, json.snapshot);
  EXPECT_EQ(avro.ts_us, json.ts_us);
  EXPECT_EQ(avro.sequence, json.sequence);
  EXPECT_EQ(*avro.table, *json.table);
  ASSERT_EQ(avro.schema == nullptr, json.schema == nullptr);
  if (json.schema != nullptr) {
    EXPECT_EQ(*avro.schema, *json.schema);
  }
  expect_same_row(avro.row, json.row);
  ASSERT_EQ(avro.before.has_value(), json.before.has_value());
  if (json.before) expect_same_row(*avro.before, *json.before);
  EXPECT_EQ(avro.fill_key, json.fill_key);
}

void expect_same(const Decoded& avro, const Decoded& json) {
  ASSERT_EQ(avro.index(), json.index());
  if (const auto* change = std::get_if<Change>(&json)) {
    expect_same(std::get<Change>(avro), *change);
    return;
  }
  const auto& one = std::get<Ignored>(avro);
  const auto& other = std::get<Ignored>(json);
  EXPECT_EQ(one.kind, other.kind);
  EXPECT_EQ(one.server_name, other.server_name);
  EXPECT_EQ(one.ts_us, other.ts_us);
  EXPECT_EQ(one.text, other.text);
}

class AvroDecoder : public testing::Test {
 protected:
  // Key and value in JSON are decoded as they are, and in Avro.
  void expect_same_in_avro(const std::string* key, const std::string* value,
                           const std::vector<Header>& headers = {}) {
    Message plain = message(key, value);
    plain.headers = headers;
    std::string avro_key;
    std::string avro_value;
    if (key != nullptr) avro_key = registered(*schemas_, *key);
    if (value != nullptr) avro_value = registered(*schemas_, *value);
    Message binary =
        message(key == nullptr ? nullptr : &avro_key, value == nullptr ? nullptr : &avro_value);
    binary.headers = headers;
    for (Header& header : binary.headers) {
      if (header.value) header.value = registered(*schemas_, *header.value);
    }
    expect_same(avro_.decode(binary), json_.decode(plain));
  }

  std::shared_ptr<TestSchemas> schemas_ = std::make_shared<TestSchemas>();
  Decoder avro_{DecoderOptions{.schemas = schemas_}};
  Decoder json_;
};

bool has_avro(const Sample& sample) {
  // decimal.format is a matter of JSON.
  const bool is_json_number = sample.semantic.ends_with("data.Decimal") && sample.json[0] != '"';
  // No converter leaves out what an array is of.
  const bool is_without_items = sample.type == "array" && sample.items.empty();
  return !is_json_number && !is_without_items;
}

TEST_F(AvroDecoder, GivesEveryTypeAsJsonDoes) {
  std::vector<Sample> all = samples();
  for (const Sample& sample : array_samples()) all.push_back(sample);
  int count = 0;
  for (const Sample& sample : all) {
    if (!has_avro(sample)) continue;
    SCOPED_TRACE(sample.type + " " + sample.semantic + " " + sample.json + " " + sample.parameters);
    const std::string value =
        change_json({{"c", sample.type, sample.semantic, sample.parameters, sample.items}},
                    {.after = R"({"c":)" + sample.json + "}"});
    expect_same_in_avro(nullptr, &value);
    ++count;
  }
  EXPECT_GT(count, 200);
}

TEST_F(AvroDecoder, GivesNullOfEveryType) {
  for (const Sample& sample : samples()) {
    if (!has_avro(sample)) continue;
    const std::string value =
        change_json({{"c", sample.type, sample.semantic, sample.parameters, sample.items}},
                    {.after = R"({"c":null})"});
    expect_same_in_avro(nullptr, &value);
  }
}

TEST_F(AvroDecoder, GivesRecordedTopicsAsJsonDoes) {
  for (const char* generation : {"1.9", "3"}) {
    const auto log = ingest::read_recording(std::string(METADB_SOURCE_DIR) +
                                            "/tests/ingest/data/debezium-" + generation + ".jsonl");
    ASSERT_GT(log.size(), 100U);
    for (const ingest::RecordedMessage& one : log) {
      SCOPED_TRACE(one.topic + " " + std::to_string(one.offset));
      expect_same_in_avro(one.key ? &*one.key : nullptr, one.value ? &*one.value : nullptr);
    }
  }
}

TEST(AvroRecording, GivesWhatTheSameEventsInJsonGive) {
  for (const std::string generation : {"1.9", "3"}) {
    const std::string data = std::string(METADB_SOURCE_DIR) + "/tests/ingest/data/";
    const auto json = ingest::read_recording(data + "debezium-" + generation + ".jsonl");
    const AvroRecording avro = read_avro_recording(data + "avro-" + generation + ".jsonl");
    ASSERT_EQ(json.size(), avro.records.size());
    ASSERT_GT(json.size(), 100U);
    Decoder json_decoder;
    Decoder avro_decoder(DecoderOptions{.schemas = avro.schemas});
    for (size_t i = 0; i < json.size(); ++i) {
      SCOPED_TRACE(json[i].topic + " " + std::to_string(json[i].offset));
      Message plain =
          message(json[i].key ? &*json[i].key : nullptr, json[i].value ? &*json[i].value : nullptr);
      plain.topic = json[i].topic;
      const AvroRecord& record = avro.records[i];
      Message binary =
          message(record.key ? &*record.key : nullptr, record.value ? &*record.value : nullptr);
      binary.topic = record.topic;
      expect_same(avro_decoder.decode(binary), json_decoder.decode(plain));
    }
  }
}

const std::vector<TestField> kWide = {
    {"id", "int32", "", ""},
    {"name", "string", "", ""},
    {"blob", "bytes", "", ""},
    {"numbers", "array", "", "", R"({"type":"int32","optional":true})"},
    {"texts", "array", "", "", R"({"type":"string","optional":true})"},
    {"blobs", "array", "", "", R"({"type":"bytes","optional":true})"},
};

std::string marker_bytes() {
  std::string list;
  for (const char c : std::string("__debezium_unavailable_value")) {
    list += (list.empty() ? "[" : ",") + std::to_string(static_cast<int>(c));
  }
  return list + "]";
}

TEST_F(AvroDecoder, KnowsTheMarkersOfUnavailableValues) {
  const std::string blob = R"("X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==")";
  const std::string row = R"({"id":1,"name":)" + kMarker + R"(,"blob":)" + blob + R"(,"numbers":)" +
                          marker_bytes() + R"(,"texts":[)" + kMarker + R"(],"blobs":[)" + blob +
                          "]}";
  const std::string update = change_json(kWide, {.op = "u", .after = row});
  const std::string insert = change_json(kWide, {.op = "c", .after = row});
  expect_same_in_avro(&kKey1, &update);
  expect_same_in_avro(&kKey1, &insert);
  const std::string avro = registered(*schemas_, update);
  const Change change = std::get<Change>(avro_.decode(message(nullptr, &avro)));
  EXPECT_EQ(change.row.unavailable, (std::vector<uint16_t>{1, 2, 3, 4, 5}));
}

TEST_F(AvroDecoder, TakesTheOldKeyFromAHeader) {
  const std::vector<TestField> fields = {{"id", "int32", "", ""}, {"name", "string", "", ""}};
  const std::string value = change_json(fields, {.after = R"({"id":2,"name":)" + kMarker + "}"});
  const std::string key = key_json(kKey, R"({"id":2})");
  expect_same_in_avro(&key, &value, {{"__debezium.oldkey", kKey1}});
  const std::string avro = registered(*schemas_, value);
  const std::string avro_key = registered(*schemas_, key);
  Message moved = message(&avro_key, &avro);
  moved.headers = {{"__debezium.oldkey", registered(*schemas_, kKey1)}};
  EXPECT_EQ(std::get<Change>(avro_.decode(moved)).fill_key, int_cell(1));
}

TEST_F(AvroDecoder, KnowsMessagesThatCarryNoRow) {
  const std::string heartbeat =
      framed(R"({"type":"struct","fields":[{"type":"int64","optional":false,"field":"ts_ms"}],)"
             R"("optional":false,"name":"io.debezium.connector.common.Heartbeat"})",
             R"({"ts_ms":1700000000000})");
  const std::string server = framed(
      R"({"type":"struct","fields":[{"type":"string","optional":false,"field":"serverName"}],)"
      R"("optional":false,"name":"io.debezium.connector.common.ServerNameKey"})",
      R"({"serverName":"srv"})");
  expect_same_in_avro(&server, &heartbeat);
  expect_same_in_avro(&kKey1, nullptr);
  const std::string notification =
      framed(R"({"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},)"
             R"({"type":"string","optional":true,"field":"text"}],)"
             R"("optional":false,"name":"io.debezium.connector.common.Notification"})",
             R"({"id":"a\n\u0001\"\\\u00e9","text":null})");
  const std::string avro = registered(*schemas_, notification);
  const auto ignored = std::get<Ignored>(avro_.decode(message(nullptr, &avro)));
  EXPECT_EQ(ignored.kind, IgnoredKind::notification);
  EXPECT_EQ(ignored.text, "{\"id\":\"a\\n\\u0001\\\"\\\\\xc3\xa9\",\"text\":null}");
}

TEST_F(AvroDecoder, TellsKeyAndValueApart) {
  const std::vector<TestField> fields = {{"id", "int32", "", ""}};
  const std::string value = change_json(fields, {.after = R"({"id":1})"});
  const std::string avro_key = registered(*schemas_, kKey1);
  const std::string avro_value = registered(*schemas_, value);
  const Decoded expected = json_.decode(message(&kKey1, &value));
  expect_same(avro_.decode(message(&avro_key, &value)), expected);
  expect_same(avro_.decode(message(&kKey1, &avro_value)), expected);
}

TEST_F(AvroDecoder, ReadsASchemaOnceAndSharesItsColumns) {
  const std::string value =
      change_json({{"id", "int32", "", ""}}, {.op = "r", .after = R"({"id":1})"});
  const std::string avro = registered(*schemas_, value);
  const auto first = std::get<Change>(avro_.decode(message(nullptr, &avro)));
  const auto second = std::get<Change>(avro_.decode(message(nullptr, &avro)));
  EXPECT_EQ(first.schema, second.schema);
  EXPECT_EQ(first.table, second.table);
  EXPECT_EQ(schemas_->asked(), 1);
}

TEST_F(AvroDecoder, WaitsForASchemaThatIsMissing) {
  const std::string value = confluent_framed(77, "x");
  EXPECT_THROW(avro_.decode(message(nullptr, &value)), SchemaMissing);
  const std::string json = change_json({{"id", "int32", "", ""}}, {.after = R"({"id":1})"});
  EXPECT_THROW(avro_.decode(message(&value, &json)), SchemaMissing);
  try {
    json_.decode(message(nullptr, &value));
    ADD_FAILURE() << "was decoded without a registry";
  } catch (const SchemaMissing& error) {
    EXPECT_EQ(described(error),
              "the value of a record is Avro (schema id 77), and the data source names no schema "
              "registry (55000); Set the option schema_registry; with format 'json' such records "
              "are set aside.");
  }
}

TEST_F(AvroDecoder, RefusesDamageAndGoesOn) {
  const std::string value = change_json(
      kWide, {.op = "u",
              .after = R"({"id":1,"name":"Anne","blob":"AQID","numbers":[1,2,3],"texts":["a"],)"
                       R"("blobs":[null]})"});
  const std::string avro = registered(*schemas_, value);
  const auto decodes = [&](const std::string& bytes) {
    try {
      avro_.decode(message(nullptr, &bytes));
      return true;
    } catch (const DecodeError& error) {
      EXPECT_EQ(error.sqlstate.substr(0, 2), "22");
      return false;
    } catch (const SchemaMissing&) {
      return false;
    }
  };
  ASSERT_TRUE(decodes(avro));
  for (size_t length = 1; length < avro.size(); ++length) {
    EXPECT_FALSE(decodes(avro.substr(0, length))) << length;
  }
  EXPECT_FALSE(decodes(avro + "x"));
  int sound = 0;
  for (size_t bit = 0; bit < avro.size() * 8; ++bit) {
    std::string flipped = avro;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    if (decodes(flipped)) ++sound;
  }
  EXPECT_LT(sound, static_cast<int>(avro.size() * 8));
  EXPECT_TRUE(decodes(avro));
}

}  // namespace
}  // namespace metadb::tests
