#include "tests/server/tables_fixture.h"

namespace metadb::tests {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kUuidOne = "0a000000-0000-0000-0000-000000000001";
const std::string kUuidTwo = "0b000000-0000-0000-0000-000000000002";

class InferredTypes : public TablesTest {
 protected:
  server::Reply refresh() { return run("refresh inferred column types"); }
};

TEST_F(InferredTypes, TextThatHoldsNothingButUuidsBecomesUuidAndIsIndexed) {
  add(1, kUuidOne);
  add(1, kUuidTwo);
  add(2, std::nullopt);
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(refresh().tag, "REFRESH INFERRED COLUMN TYPES");
  EXPECT_EQ(type_of("v"), "uuid");
  EXPECT_EQ(indexes_of("v").size(), 1U);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].message, "column \"v\" of table \"public\".\"t__\" is of type uuid now");
  // Nothing changes for what comes, and nothing is left to do.
  add(2, kUuidTwo);
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "uuid");
  refresh();
  EXPECT_THAT(notices_, IsEmpty());
  EXPECT_THAT(versions(), ElementsAre("1|" + kUuidOne + "|f", "1|" + kUuidTwo + "|t", "2|NULL|f",
                                      "2|" + kUuidTwo + "|t"));
}

class NoUuid : public InferredTypes, public testing::WithParamInterface<std::string> {};

TEST_P(NoUuid, KeepsTheColumnTextAndMakesItTextAgain) {
  add(1, kUuidOne);
  ASSERT_TRUE(catches_up());
  refresh();
  ASSERT_EQ(type_of("v"), "uuid");
  add(1, GetParam());
  add(2, kUuidTwo);
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_THAT(indexes_of("v"), IsEmpty());
  EXPECT_THAT(current(), ElementsAre("1|" + GetParam(), "2|" + kUuidTwo));
  EXPECT_THAT(rows("SELECT * FROM metadb.dead_letter"), IsEmpty());
  // Also when only an ended version has it.
  add(1, kUuidTwo);
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
  add(1, kUuidOne);
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ alter column v type text");
  refresh();
  EXPECT_EQ(type_of("v"), "text");
}

TEST_F(InferredTypes, JsonIsLeftAlone) {
  add(1, "\\\"" + kUuidOne + "\\\"");
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ alter column v type json");
  refresh();
  EXPECT_EQ(type_of("v"), "json");
}

TEST_F(InferredTypes, KeyColumnIsRefreshedWithItsIndex) {
  topics_.add(RowEvent{.id = 1, .value = kUuidOne, .is_key_wide = true});
  topics_.add(RowEvent{.id = 1, .value = kUuidTwo, .is_key_wide = true});
  ASSERT_TRUE(catches_up());
  refresh();
  EXPECT_EQ(type_of("v"), "uuid");
  topics_.add(RowEvent{.op = 'd', .id = 1, .value = kUuidTwo, .is_key_wide = true});
  topics_.add(RowEvent{.id = 1, .value = kUuidOne, .is_key_wide = true});
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(current(), ElementsAre("1|" + kUuidOne));
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
  topics_.add(RowEvent{.id = 1, .value = "none", .is_key_wide = true});
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(current(), ElementsAre("1|" + kUuidOne, "1|none"));
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
}

TEST_F(InferredTypes, TableWithAViewInTheWayIsToldAndKeepsNoOtherFromIt) {
  add(1, kUuidOne);
  add(1, kUuidOne, 'u', "z");
  ASSERT_TRUE(catches_up());
  superuser_.exec("CREATE VIEW public.mine AS SELECT v FROM public.t__");
  refresh();
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_EQ(type_of("v", "public.z__"), "uuid");
  EXPECT_THAT(notices_, Contains(Field(&server::Notice::severity, "WARNING")));
  EXPECT_THAT(notices_[0].hint, HasSubstr("view public.mine of postgres"));
}

TEST_F(InferredTypes, CanBeCanceledWhileItWaits) {
  add(1, kUuidOne);
  ASSERT_TRUE(catches_up());
  workers_->stop("s");
  catalog::Connection holder = database_.connect();
  std::optional<catalog::Transaction> writing(holder);
  holder.exec("LOCK public.t__");
  run_waiting("refresh inferred column types", [&] { stop_.request_stop(); });
  EXPECT_EQ(error_, "57014");
  writing->commit();
  EXPECT_EQ(type_of("v"), "text");
}

// It is purged, or dropped by other means, while the command looks at the one before it.
TEST_F(InferredTypes, TableThatGoesMeanwhileIsPassedOver) {
  for (const char* table : {"a", "t", "u", "z"}) add(1, kUuidOne, 'u', table);
  ASSERT_TRUE(catches_up());
  workers_->stop("s");
  catalog::Connection holder = database_.connect();
  std::optional<catalog::Transaction> writing(holder);
  holder.exec("LOCK public.a__");
  run_waiting("refresh inferred column types", [&] {
    server::Context context({.user = "postgres", .database = database_.name()}, {},
                            [](const server::Notice&) {});
    commands_->run(command("purge data drop table public.t__"), context);
    superuser_.exec("DROP TABLE public.u__");
    writing->commit();
  });
  EXPECT_EQ(error_, "");
  EXPECT_EQ(type_of("v", "public.a__"), "uuid");
  EXPECT_EQ(type_of("v", "public.z__"), "uuid");
}

// Its catalog rows were read, its relations go before they are looked at.
TEST_F(InferredTypes, TableWhoseColumnsCannotBeReadKeepsNoOtherFromIt) {
  for (const char* table : {"t", "z"}) add(1, kUuidOne, 'u', table);
  ASSERT_TRUE(catches_up());
  workers_->stop("s");
  catalog::Connection holder = database_.connect();
  std::optional<catalog::Transaction> dropping(holder);
  holder.exec("DROP TABLE public.t__");
  run_waiting("refresh inferred column types", [&] { dropping->commit(); });
  EXPECT_EQ(error_, "");
  EXPECT_EQ(type_of("v", "public.z__"), "uuid");
  ASSERT_GE(notices_.size(), 1U);
}

// Some lines of a batch fit, the last does not; a delete whose old key does not.
TEST_F(InferredTypes, EventsOfOneBatchAreAllAppliedWhicheverDoesNotFit) {
  add(1, kUuidOne);
  ASSERT_TRUE(catches_up());
  refresh();
  workers_->stop("s");
  for (int id = 1; id <= 50; ++id) add(id, id == 37 ? "none" : id % 2 == 0 ? kUuidOne : kUuidTwo);
  workers_->start(catalog_->snapshot()->sources.at("s"));
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_EQ(only("SELECT count(*) FROM public.t"), "50");
  EXPECT_EQ(only("SELECT v FROM public.t WHERE id = 37"), "none");
  EXPECT_THAT(rows("SELECT * FROM metadb.dead_letter"), IsEmpty());
}

}  // namespace
}  // namespace metadb::tests
