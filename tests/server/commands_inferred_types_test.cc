#include "tests/server/tables_fixture.h"

namespace metadb::tests {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kOne = "0a000000-0000-0000-0000-000000000001";
const std::string kTwo = "0b000000-0000-0000-0000-000000000002";

class InferredTypes : public TablesTest {
 protected:
  server::Reply refresh() { return run("refresh inferred column types"); }
};

TEST_F(InferredTypes, TextThatHoldsNothingButUuidsBecomesUuidAndIsIndexed) {
  add(1, kOne);
  add(1, kTwo);
  add(2, std::nullopt);
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(refresh().tag, "REFRESH INFERRED COLUMN TYPES");
  EXPECT_EQ(type_of("v"), "uuid");
  EXPECT_EQ(indexes_of("v").size(), 1U);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].message, "column \"v\" of table \"public\".\"t__\" is of type uuid now");
  // Nothing changes for what comes, and nothing is left to do.
  add(2, kTwo);
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "uuid");
  refresh();
  EXPECT_THAT(notices_, IsEmpty());
  EXPECT_THAT(versions(),
              ElementsAre("1|" + kOne + "|f", "1|" + kTwo + "|t", "2|NULL|f", "2|" + kTwo + "|t"));
}

class NoUuid : public InferredTypes, public testing::WithParamInterface<std::string> {};

TEST_P(NoUuid, KeepsTheColumnTextAndMakesItTextAgain) {
  add(1, kOne);
  ASSERT_TRUE(catches_up());
  refresh();
  ASSERT_EQ(type_of("v"), "uuid");
  add(1, GetParam());
  add(2, kTwo);
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_THAT(indexes_of("v"), IsEmpty());
  EXPECT_THAT(current(), ElementsAre("1|" + GetParam(), "2|" + kTwo));
  EXPECT_THAT(rows("SELECT * FROM metadb.dead_letter"), IsEmpty());
  // Also when only an ended version has it.
  add(1, kTwo);
  ASSERT_TRUE(catches_up());
  refresh();
  EXPECT_EQ(type_of("v"), "text");
}

// Each but the last is one that uuid_in() takes.
INSTANTIATE_TEST_SUITE_P(All, NoUuid,
                         testing::Values("0A000000-0000-0000-0000-000000000001",
                                         "{0a000000-0000-0000-0000-000000000001}",
                                         "0a000000000000000000000000000001",
                                         " 0a000000-0000-0000-0000-000000000001", "x", ""));

TEST_F(InferredTypes, ColumnsWithoutValueStayText) {
  add(1, std::nullopt);
  ASSERT_TRUE(catches_up());
  refresh();
  EXPECT_EQ(type_of("v"), "text");
}

TEST_F(InferredTypes, ColumnThatIsTextByHandStaysText) {
  add(1, kOne);
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ alter column v type text");
  refresh();
  EXPECT_EQ(type_of("v"), "text");
}

TEST_F(InferredTypes, JsonIsLeftAlone) {
  add(1, "\\\"" + kOne + "\\\"");
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ alter column v type json");
  refresh();
  EXPECT_EQ(type_of("v"), "json");
}

TEST_F(InferredTypes, KeyColumnIsRefreshedWithItsIndex) {
  topics_.add(RowEvent{.id = 1, .value = kOne, .is_key_wide = true});
  topics_.add(RowEvent{.id = 1, .value = kTwo, .is_key_wide = true});
  ASSERT_TRUE(catches_up());
  refresh();
  EXPECT_EQ(type_of("v"), "uuid");
  topics_.add(RowEvent{.op = 'd', .id = 1, .value = kTwo, .is_key_wide = true});
  topics_.add(RowEvent{.id = 1, .value = kOne, .is_key_wide = true});
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(current(), ElementsAre("1|" + kOne));
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
  topics_.add(RowEvent{.id = 1, .value = "none", .is_key_wide = true});
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(current(), ElementsAre("1|" + kOne, "1|none"));
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
}

TEST_F(InferredTypes, TableWithAViewInTheWayIsToldAndKeepsNoOtherFromIt) {
  add(1, kOne);
  add(1, kOne, 'u', "z");
  ASSERT_TRUE(catches_up());
  superuser_.exec("CREATE VIEW public.mine AS SELECT v FROM public.t__");
  refresh();
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_EQ(type_of("v", "public.z__"), "uuid");
  EXPECT_THAT(notices_, Contains(Field(&server::Notice::severity, "WARNING")));
  EXPECT_THAT(notices_[0].hint, HasSubstr("view public.mine of postgres"));
}

// Some lines of a batch fit, the last does not; a delete whose old key does not.
TEST_F(InferredTypes, EventsOfOneBatchAreAllAppliedWhicheverDoesNotFit) {
  add(1, kOne);
  ASSERT_TRUE(catches_up());
  refresh();
  workers_->stop("s");
  for (int id = 1; id <= 50; ++id) add(id, id == 37 ? "none" : id % 2 == 0 ? kOne : kTwo);
  workers_->start(catalog_->snapshot()->sources.at("s"));
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_EQ(only("SELECT count(*) FROM public.t"), "50");
  EXPECT_EQ(only("SELECT v FROM public.t WHERE id = 37"), "none");
  EXPECT_THAT(rows("SELECT * FROM metadb.dead_letter"), IsEmpty());
}

}  // namespace
}  // namespace metadb::tests
