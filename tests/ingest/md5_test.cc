#include "ingest/md5.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

std::string md5_hex(const std::string& bytes) {
  std::string out;
  for (const uint8_t byte : ingest::md5(bytes)) out += fmt::format("{:02x}", byte);
  return out;
}

TEST(Md5, IsThatOfTheRfc) {
  EXPECT_EQ(md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5_hex("abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(md5_hex("abcdefghijklmnopqrstuvwxyz"), "c3fcd3d76192e4007dfb496cca67e13b");
}

// Where the length still fits into the last block, and where it does not.
TEST(Md5, PadsEveryLength) {
  const std::pair<size_t, const char*> lengths[] = {
      {1, "0cc175b9c0f1b6a831c399e269772661"},   {55, "ef1772b6dff9a122358552954ad0df65"},
      {56, "3b0c8ac703f828b04c6c197006d17218"},  {63, "b06521f39153d618550606be297466d5"},
      {64, "014842d480b571495a4a0363793f7367"},  {65, "c743a45e0d2e6a95cb859adae0248435"},
      {119, "8a7bd0732ed6a28ce75f6dabc90e1613"}, {128, "e510683b3f5ffe4093d021808bc6ff70"}};
  for (const auto& [length, expected] : lengths)
    EXPECT_EQ(md5_hex(std::string(length, 'a')), expected) << length;
}

TEST(Md5, MakesTheUuidThatDebeziumPutsIntoArrays) {
  EXPECT_EQ(ingest::name_uuid("__debezium_unavailable_value"),
            "b68a35a7-17ad-35b3-af2a-ae46edb4545a");
}

}  // namespace
}  // namespace metadb::tests
