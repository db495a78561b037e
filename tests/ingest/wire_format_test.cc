// How keys and values are framed.
#include "ingest/wire_format.h"

#include <gtest/gtest.h>

#include "ingest/debezium_error.h"

namespace metadb::tests {
namespace {

using ingest::DecodeError;
using ingest::Header;
using ingest::RegistryKind;
using ingest::SchemaId;
using ingest::Side;
using ingest::Unframed;
using ingest::WireOptions;
using Kind = SchemaId::Kind;

const WireOptions kAuto;
const WireOptions kApicurio{.registry = RegistryKind::apicurio};
const WireOptions kContent{.registry = RegistryKind::apicurio, .apicurio_ids = Kind::content_id};
const WireOptions kJson{.format = WireOptions::Format::json};
const WireOptions kAvro{.format = WireOptions::Format::avro};
const std::string kSeven("\0\0\0\0\7", 5);
const std::string kLongSeven("\0\0\0\0\0\0\0\0\7", 9);
const std::string kGuid = "\1" + std::string(8, '\x12') + std::string(8, '\xab');

std::string read(const std::string& bytes, const WireOptions& options,
                 const std::vector<Header>& headers = {}, Side side = Side::value) {
  try {
    const Unframed found = unframed(bytes, side, headers, options);
    return (found.schema ? described(*found.schema) : "JSON") + " | " + std::string(found.body);
  } catch (const DecodeError& error) {
    EXPECT_EQ(error.sqlstate.substr(0, 2), "22");
    return error.what();
  }
}

TEST(WireFormat, KnowsConfluentsFraming) {
  EXPECT_EQ(read(kSeven + "body", kAuto), "id 7 | body");
  EXPECT_EQ(read(kSeven, kAuto), "id 7 | ");
  EXPECT_EQ(read(kGuid + "body", kAuto), "GUID 12121212-1212-1212-abab-abababababab | body");
  EXPECT_EQ(read(R"( {"a":1})", kAuto), R"(JSON |  {"a":1})");
  EXPECT_EQ(read("garbage", kAuto), "value is not a JSON object");
  EXPECT_EQ(read(std::string("\0\0\7", 3), kAuto), "value is not a JSON object");
  EXPECT_EQ(read(std::string(9, '\0'), kAuto),
            "value is framed as Avro by a schema that cannot be (0)");
  EXPECT_EQ(read(std::string(1, '\0') + "\xff\xff\xff\xff", kAuto),
            "value is framed as Avro by a schema that cannot be (4294967295)");
  EXPECT_EQ(read("\3" + std::string(20, 'x'), kAuto),
            "value is framed by AWS Glue, which is not supported");
}

TEST(WireFormat, KnowsApicuriosFraming) {
  EXPECT_EQ(read(kLongSeven + "body", kApicurio), "globalId 7 | body");
  EXPECT_EQ(read(kSeven + "body", kApicurio), "globalId 7 | body");
  EXPECT_EQ(read(kLongSeven + "body", kContent), "contentId 7 | body");
  EXPECT_EQ(read(kSeven + "body", kContent), "contentId 7 | body");
  EXPECT_EQ(read(kLongSeven + "body", kAuto),
            "value is framed as Avro by a schema that cannot be (0)");
}

TEST(WireFormat, KnowsHeadersOfEachSide) {
  const std::string body = "body";
  const Header confluent{"__value_schema_id", kSeven};
  EXPECT_EQ(read(body, kAuto, {{"other", std::nullopt}, confluent}), "id 7 | body");
  EXPECT_EQ(read(body, kAuto, {confluent}, Side::key), "key is not a JSON object");
  EXPECT_EQ(read(body, kAuto, {{"__key_schema_id", kGuid}}, Side::key),
            "GUID 12121212-1212-1212-abab-abababababab | body");
  const std::string seven = kLongSeven.substr(1);
  EXPECT_EQ(read(body, kAuto, {{"apicurio.value.globalId", seven}}), "globalId 7 | body");
  EXPECT_EQ(read(body, kAuto, {{"apicurio.value.contentId", seven}}), "contentId 7 | body");
  EXPECT_EQ(read(body, kAuto, {{"apicurio.value.contentId", "7"}}),
            "value: header apicurio.value.contentId is no id of a schema");
  EXPECT_EQ(read(body, kAuto, {{"__value_schema_id", kSeven + "x"}}),
            "value: header __value_schema_id is no id of a schema");
  EXPECT_EQ(read("{}", kAuto, {{"apicurio.value.encoding", "JSON"}}),
            "value is in Avro's JSON encoding, which is not supported: use BINARY");
}

TEST(WireFormat, CanBeForced) {
  EXPECT_EQ(read(kSeven + "body", kJson), "value is not a JSON object");
  EXPECT_EQ(read("{}", kJson, {{"__value_schema_id", kSeven}}), "JSON | {}");
  EXPECT_EQ(read(kSeven + "body", kAvro), "id 7 | body");
  EXPECT_EQ(read("{}", kAvro), "value is not framed as Avro by a schema of a registry");
}

}  // namespace
}  // namespace metadb::tests
