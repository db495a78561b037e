#include "server/saslprep.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using server::saslprep;

// The examples of RFC 4013, section 3, where they are allowed.
TEST(Saslprep, PreparesAsInTheStandard) {
  EXPECT_EQ(saslprep("I\xC2\xADX"), "IX");
  EXPECT_EQ(saslprep("user"), "user");
  EXPECT_EQ(saslprep("USER"), "USER");
  EXPECT_EQ(saslprep("\xC2\xAA"), "a");
  EXPECT_EQ(saslprep("\xE2\x85\xA8"), "IX");
  EXPECT_EQ(saslprep("u\xCC\x88"), "\xC3\xBC") << "composed";
  EXPECT_EQ(saslprep("a\xC2\xA0z"), "a z") << "a space of another kind";
}

TEST(Saslprep, LeavesWhatItProhibitsAsItIs) {
  for (const char* password : {"\x07", "", "\xE9t\xE9", "\xD8\xA7\x31", "\xC2\xAD",
                               "\xF0\x9F\x98\x80", "\xC2\x80 control"}) {
    EXPECT_EQ(saslprep(password), password);
  }
}

}  // namespace
}  // namespace metadb::tests
