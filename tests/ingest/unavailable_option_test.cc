// A connector whose unavailable.value.placeholder is its own.
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using testing::ElementsAre;

class UnavailableOption : public WorkerTest {
 protected:
  // Sets v of the row, or leaves it as it is with that placeholder.
  static RowEvent update(const std::string& value, int second) {
    return {.op = 'u', .value = value, .ts_us = 1'700'000'000'000'000 + second * 1'000'000LL};
  }
  std::vector<std::string> versions() { return rows("SELECT v FROM public.t__ ORDER BY __start"); }
};

TEST_F(UnavailableOption, ThePlaceholderIsTheConnectorsAndFollowsAlter) {
  source_.options["unavailable_placeholder"] = "nix";
  RecordedTopics topics;
  topics.add(RowEvent{.value = "long"});
  topics.add(update("nix", 1));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(versions(), ElementsAre("long"));
  // What another connector would send is a value.
  topics.add(update("__debezium_unavailable_value", 2));
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(versions(), ElementsAre("long", "__debezium_unavailable_value"));
  source_.options["unavailable_placeholder"] = "hex:6e6f6e65";
  worker_->renew(source_, ingest::Order::run);
  topics.add(update("nix", 3));
  topics.add(update("none", 4));
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(versions(), ElementsAre("long", "__debezium_unavailable_value", "nix"));
}

TEST_F(UnavailableOption, IsDebeziumsOwnUnlessItIsGiven) {
  RecordedTopics topics;
  topics.add(RowEvent{.value = "long"});
  topics.add(update("__debezium_unavailable_value", 1));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(versions(), ElementsAre("long"));
}

}  // namespace
}  // namespace metadb::tests
