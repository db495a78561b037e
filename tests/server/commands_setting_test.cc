#include "catalog/settings.h"
#include "tests/fakes/eventually.h"
#include "tests/server/commands_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using testing::HasSubstr;

class AlterSystem : public CommandsTest {};

TEST_F(AlterSystem, StoresAndPublishes) {
  const server::Reply reply = run("alter system set checkpoint_segment_size = '500'");
  EXPECT_EQ(reply.tag, "ALTER SYSTEM");
  EXPECT_EQ(only("SELECT value FROM metadb.config WHERE parameter = 'checkpoint_segment_size'"),
            "500");
  EXPECT_EQ(catalog_->snapshot()->settings.at("checkpoint_segment_size"), "500");
}

TEST_F(AlterSystem, RefusesAValueThatDoesNotFit) {
  const Error error = failure("alter system set max_poll_interval = 'soon'");
  EXPECT_EQ(error.sqlstate, "22023");
  EXPECT_EQ(error.message(), "invalid value for parameter \"max_poll_interval\": \"soon\"");
  EXPECT_THAT(error.hint, HasSubstr("integer between"));
  EXPECT_EQ(catalog_->snapshot()->settings.at("max_poll_interval"), "1800000");
}

TEST_F(AlterSystem, GoesBackToTheDefault) {
  for (const char* reset : {"alter system reset checkpoint_segment_size",
                            "alter system set checkpoint_segment_size = default"}) {
    run("alter system set checkpoint_segment_size = 500");
    EXPECT_EQ(run(reset).tag, "ALTER SYSTEM");
    EXPECT_EQ(only("SELECT count(*) FROM metadb.config"), "0") << reset;
    EXPECT_EQ(catalog_->snapshot()->settings.at("checkpoint_segment_size"), "3000") << reset;
  }
}

TEST_F(AlterSystem, ChangesNothingOnceItWasAskedToStop) {
  stop_.request_stop();
  EXPECT_EQ(failure("alter system set checkpoint_segment_size = '500'").sqlstate, "57014");
  EXPECT_EQ(failure("list config").sqlstate, "57014");
  EXPECT_EQ(only("SELECT count(*) FROM metadb.config"), "0");
}

TEST_F(AlterSystem, TakesOnlyParametersOfOurs) {
  EXPECT_TRUE(takes("alter system set tables_per_transaction = '5'"));
  EXPECT_TRUE(takes("alter system reset tables_per_transaction"));
  EXPECT_FALSE(takes("alter system set work_mem = '64MB'"));
  EXPECT_FALSE(takes("alter system reset work_mem"));
  EXPECT_FALSE(takes("alter system reset all"));
}

TEST_F(AlterSystem, GivesConsumersTheirNewPollInterval) {
  run(kCreate);
  ASSERT_TRUE(eventually([&] { return !poll_intervals().empty(); }));
  run("alter system set max_poll_interval = '60000'");
  ASSERT_TRUE(eventually([&] { return poll_intervals().size() >= 2; }));
  EXPECT_THAT(poll_intervals(), testing::ElementsAre("1800000", "60000"));
}

TEST_F(AlterSystem, EveryParameterTakesItsOwnDefault) {
  for (const catalog::SettingRow& row : catalog::setting_rows()) {
    const std::string name(row.name);
    EXPECT_EQ(run("alter system set " + name + " = '" + std::string(row.default_value) + "'").tag,
              "ALTER SYSTEM")
        << name;
  }
}

}  // namespace
}  // namespace metadb::tests
