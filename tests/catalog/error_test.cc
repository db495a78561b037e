#include "catalog/error.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using catalog::Error;

TEST(Error, IsDescribedWithAllThatIsKnown) {
  EXPECT_EQ(catalog::described(Error("42P07", "taken")), "taken (42P07)");
  EXPECT_EQ(catalog::described(Error("42P07", "taken").with_hint("Use another.")),
            "taken (42P07); Use another.");
  EXPECT_EQ(catalog::described(
                Error("23505", "taken").with_detail("Key (1) exists.").with_hint("Use another.")),
            "taken (23505); Key (1) exists.; Use another.");
}

}  // namespace
}  // namespace metadb::tests
