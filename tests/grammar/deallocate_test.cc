#include "grammar/deallocate.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using grammar::deallocated_name;

TEST(Deallocate, NamesTheStatement) {
  for (const std::string_view text :
       {"deallocate s", "DEALLOCATE S", "Deallocate Prepare s", "deallocate \"s\"",
        " /* a */ deallocate -- b\n prepare/**/s -- c"}) {
    EXPECT_EQ(deallocated_name(text), "s") << text;
  }
  EXPECT_EQ(deallocated_name("deallocate \"A \"\"b\""), "A \"b");
  EXPECT_EQ(deallocated_name("deallocate prepare"), "prepare");
  EXPECT_EQ(deallocated_name("deallocate \"all\""), "all");
}

TEST(Deallocate, KnowsWhatElseIsSaid) {
  for (const std::string_view text :
       {"", "deallocate", "deallocate all", "deallocate prepare all", "deallocate s, t",
        "deallocate 's'", "deallocate $1", "deallocate prepare s t", "deallocated s",
        "\"deallocate\" s", "deallocate \"s", "discard all"}) {
    EXPECT_EQ(deallocated_name(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace metadb::tests
