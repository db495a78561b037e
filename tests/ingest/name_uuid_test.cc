#include "ingest/name_uuid.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

TEST(NameUuid, IsTheOneThatDebeziumPutsIntoArrays) {
  EXPECT_EQ(ingest::name_uuid("__debezium_unavailable_value"),
            "b68a35a7-17ad-35b3-af2a-ae46edb4545a");
}

// MD5 of nothing is d41d8cd98f00b204e9800998ecf8427e: version and variant replace bits of it.
TEST(NameUuid, SaysItsVersionAndVariant) {
  EXPECT_EQ(ingest::name_uuid(""), "d41d8cd9-8f00-3204-a980-0998ecf8427e");
}

}  // namespace
}  // namespace metadb::tests
