// What stands for unchanged TOASTed values, and where their row is found after a key change.
#include <gtest/gtest.h>

#include "tests/ingest/decoding.h"

namespace metadb::tests {
namespace {

using ingest::Change;
using ingest::Decoder;
using ingest::Ignored;
using ingest::IgnoredKind;

TEST(Unavailable, ValuesOfAnUpdateAreListed) {
  const Change change = change_of(&kKey1, change_json(kRow, {.op = "u", .after = kMarkedRow}));
  EXPECT_EQ(change.row.unavailable, (std::vector<uint16_t>{1, 2, 3}));
  EXPECT_EQ(change.row.fields, int_cell(1) + kNull + kNull + kNull);
}

TEST(Unavailable, MarkerElsewhereIsAnOrdinaryText) {
  for (const char* op : {"c", "r"}) {
    const Change change = change_of(&kKey1, change_json(kRow, {.op = op, .after = kMarkedRow}));
    EXPECT_TRUE(change.row.unavailable.empty());
    EXPECT_NE(change.row.fields.find("__debezium_unavailable_value"), std::string::npos);
  }
}

TEST(Unavailable, EveryFormOfTheMarkerIsKnown) {
  const std::string hstore = R"({"__debezium_unavailable_value":"__debezium_unavailable_value"})";
  const std::vector<std::pair<TestField, std::string>> forms = {
      {{"c", "string", "io.debezium.data.Json", ""}, kMarker},
      {{"c", "string", "io.debezium.data.Json", ""},
       R"("{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}")"},
      {{"c", "map", "", ""}, hstore},
      {{"c", "array", "", ""}, R"(["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="])"},
      {{"c", "array", "", ""},
       "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,"
       "108,117,101]"},
      {{"c", "array", "", ""}, R"(["b68a35a7-17ad-35b3-af2a-ae46edb4545a"])"},
      {{"c", "string", "", R"({"__debezium.unavailable.value.placeholder":"gone"})"}, R"("gone")"},
      {{"c", "string", "", R"({"__debezium.unavailable.value.placeholder":"hex:676F6E65"})"},
       R"("gone")"},
      {{"c", "array", "", R"({"__debezium.unavailable.value.placeholder":"gone"})"},
       R"(["50c1f58b-e7f5-347e-8f53-d64c094783c2"])"},
  };
  for (const auto& [field, json] : forms) {
    const std::string value = change_json({field}, {.op = "u", .after = R"({"c":)" + json + "}"});
    const Change change = change_of(nullptr, value);
    EXPECT_EQ(change.row.unavailable, std::vector<uint16_t>{0}) << json;
    EXPECT_EQ(change.row.fields, kNull) << json;
  }
}

TEST(Unavailable, PlaceholderCanBeConfigured) {
  Decoder decoder({.unavailable_placeholder = "nix"});
  const std::string value = change_json(kRow, {.op = "u", .after = R"({"id":1,"name":"nix"})"});
  EXPECT_EQ(change_of(decoder, &kKey1, value).row.unavailable, std::vector<uint16_t>{1});
}

TEST(KeyChange, OldKeyComesFromTheHeader) {
  const std::string value = change_json(kRow, {.op = "c", .after = kMarkedRow});
  const std::vector<std::string> headers = {R"({"id":7})", key_json(kKey, R"({"id":7})")};
  for (const std::string& header : headers) {
    const Change change = change_of(&kKey1, value, {{"__debezium.oldkey", header}});
    EXPECT_EQ(change.fill_key, int_cell(7)) << header;
    EXPECT_EQ(change.row.unavailable, (std::vector<uint16_t>{1, 2, 3}));
  }
  for (const std::string header : {"Struct{id=7}", R"({"id":"x"})", R"({"other":1})", ""}) {
    const Change change = change_of(&kKey1, value, {{"__debezium.oldkey", header}});
    EXPECT_EQ(change.fill_key, std::nullopt) << header;
    EXPECT_EQ(change.row.unavailable.size(), 3U);
  }
}

TEST(KeyChange, OldKeyComesFromTheDeleteBesideWhereTheHeaderIsMissing) {
  const std::vector<TestField> key = {{"tags", "array", "", ""}, {"id", "int32", "", ""}};
  const std::string old_key = key_json(key, R"({"tags":["x"],"id":7})");
  const std::string new_key = key_json(key, R"({"tags":["x"],"id":1})");
  const std::string deleted = change_json(kRow, {.op = "d"});
  const std::string later =
      change_json(kRow, {.op = "d", .source = source_with(R"(\"24023128\"])", R"(\"24023999\"])")});
  const std::string inserted = change_json(
      kRow, {.op = "c", .after = R"({"id":1,"name":)" + kMarker + R"(,"blob":null,"tags":["x"]})"});
  Decoder decoder;
  change_of(decoder, &old_key, deleted);
  EXPECT_EQ(std::get<Ignored>(decoder.decode(message(&old_key, nullptr))).kind,
            IgnoredKind::tombstone);
  for (int reading = 0; reading < 2; ++reading) {
    const Change change = change_of(decoder, &new_key, inserted);
    EXPECT_EQ(change.fill_key, cell(R"(["x"])") + int_cell(7));
    EXPECT_EQ(change.row.unavailable, std::vector<uint16_t>{1});
    // What was read ahead before the topic is read again.
    for (int i = 0; i < 200; ++i) change_of(decoder, &old_key, later);
  }
  // A header that says nothing of use.
  EXPECT_EQ(
      change_of(decoder, &new_key, inserted, {{"__debezium.oldkey", "Struct{id=7}"}}).fill_key,
      std::nullopt);
  change_of(decoder, &old_key, deleted);
  EXPECT_EQ(
      change_of(decoder, &new_key, inserted, {{"__debezium.oldkey", "Struct{id=7}"}}).fill_key,
      cell(R"(["x"])") + int_cell(7));
}

TEST(KeyChange, InsertAtAnotherPlaceOrOfAnotherTableHasNoOldKey) {
  const std::string inserted = change_json(kRow, {.op = "c", .after = kMarkedRow});
  for (const std::string& source : {source_with(R"(\"24023128\"])", R"(\"24023129\"])"),
                                    source_with(R"(\"24023119\")", R"(\"24023118\")"),
                                    source_with(R"("table":"t")", R"("table":"u")"),
                                    source_with(R"("[\"24023119\",\"24023128\"]")", "null")}) {
    Decoder decoder;
    change_of(decoder, &kKey1, change_json(kRow, {.op = "d", .source = source}));
    const Change change = change_of(decoder, &kKey1, inserted);
    EXPECT_EQ(change.fill_key, std::nullopt) << source;
    EXPECT_TRUE(change.row.unavailable.empty()) << source;
  }
}

}  // namespace
}  // namespace metadb::tests
