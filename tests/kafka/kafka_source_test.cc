// What only a real broker shows: transactions, retention, static members, new topics.
#include "ingest/kafka_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "catalog/error.h"
#include "ingest/kafka_probe.h"
#include "tests/fakes/reader.h"
#include "tests/kafka/test_cluster.h"

namespace metadb::tests {
namespace {

using ingest::KafkaOptions;
using ingest::KafkaSource;
using ingest::TopicPartition;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

KafkaOptions options(const std::string& group, std::vector<std::string> topics) {
  KafkaOptions result;
  result.source_name = "source";
  result.brokers = kafka_bootstrap();
  result.group_id = group;
  result.security = "plaintext";
  result.installation_id = group;
  result.topics = std::move(topics);
  return result;
}

auto ends(size_t count) {
  return [count](const Seen& seen) { return seen.ends.size() >= count; };
}
auto records(size_t count) {
  return [count](const Seen& seen) { return seen.records.size() >= count; };
}

TEST(KafkaSource, GetsItsFirstAssignmentWithinTenSeconds) {
  const auto name = fresh_name("first");
  create_topic(name);
  KafkaSource source(options(name, {name}));
  Reader reader(source);
  EXPECT_TRUE(reader.until([](const Seen& seen) { return seen.assignments > 0; }, 10s));
  EXPECT_THAT(reader.seen.assigned, ElementsAre(TopicPartition{name, 0}));
}

TEST(KafkaSource, ReportsTheEndBehindATransactionsControlRecord) {
  const auto name = fresh_name("transaction");
  create_topic(name);
  TestProducer producer(name);
  producer.begin();
  producer.send(name, "kept");
  producer.commit();
  producer.begin();
  producer.send(name, "dropped");
  producer.abort();
  KafkaSource source(options(name, {name}));
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(1)));
  EXPECT_THAT(reader.seen.records, ElementsAre(name + "/0@0=kept"));
  EXPECT_EQ(reader.seen.ends[0].offset, 4);
  EXPECT_EQ(marks_of(source, {name, 0}, 5s).high, 4);
}

// librdkafka may never end a client some of whose topics have just gone.
TEST(KafkaSource, EndsSoonAfterItsTopicWasDeleted) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the client that is left to itself has threads at the end of the program";
#endif
  const auto name = fresh_name("deleted");
  create_topic(name);
  TestProducer().send(name, "x");
  auto source = std::make_unique<KafkaSource>(options(name, {name}));
  {
    Reader reader(*source);
    ASSERT_TRUE(reader.until(ends(1)));
    delete_topic(name);
    EXPECT_TRUE(reader.until(
        [](const Seen& seen) { return !seen.troubles.empty() || seen.revocations > 0; }));
  }
  const auto begun = std::chrono::steady_clock::now();
  source.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 15s);
}

TEST(KafkaSource, TellsWhereSeveralPartitionsEnd) {
  const auto name = fresh_name("ends");
  create_topic(name, 3);
  TestProducer producer;
  for (const int32_t partition : {0, 0, 1}) producer.send(name, "x", partition);
  KafkaSource source(options(name, {name}));
  EXPECT_THAT(source.ends({{name, 1}, {name, 2}, {name, 0}}, 10s), ElementsAre(1, 0, 2));
  EXPECT_THROW(source.ends({{name, 0}, {name, 7}}, 2s), catalog::Error);
}

// One that is not there keeps nobody from an answer about the others, nor does it cost a time-out.
TEST(KafkaSource, TellsWhatItKnowsOfManyPartitions) {
  const auto name = fresh_name("marks");
  create_topic(name, 3);
  TestProducer producer;
  for (const int32_t partition : {0, 0, 1}) producer.send(name, "x", partition);
  delete_messages_below(name, 1);
  KafkaSource source(options(name, {name}));
  const auto begun = std::chrono::steady_clock::now();
  const auto answers =
      source.watermarks({{name, 1}, {name, 7}, {name, 0}, {name + "x", 0}, {name, 2}}, 30s);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 20s);
  ASSERT_EQ(answers.size(), 5U);
  const auto marks = [&](size_t i) { return std::get<ingest::Watermarks>(answers.at(i)); };
  EXPECT_EQ(marks(0).high, 1);
  EXPECT_EQ(marks(2).low, 1);
  EXPECT_EQ(marks(2).high, 2);
  EXPECT_EQ(marks(4).high, 0);
  for (const size_t i : {1U, 3U}) {
    ASSERT_TRUE(std::holds_alternative<catalog::Error>(answers[i])) << i;
    EXPECT_EQ(std::get<catalog::Error>(answers[i]).sqlstate, "08001");
  }
}

TEST(KafkaSource, FindsANewTopicWithinFifteenSeconds) {
  const auto name = fresh_name("new");
  create_topic(name + ".a");
  KafkaSource source(options(name, {"^" + name + "\\."}));
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(1)));
  create_topic(name + ".b");
  TestProducer().send(name + ".b", "late");
  ASSERT_TRUE(reader.until(records(1), 15s));
  EXPECT_THAT(reader.seen.records, ElementsAre(name + ".b/0@0=late"));
  EXPECT_EQ(reader.seen.revocations, 1);
  EXPECT_EQ(reader.seen.assigned.size(), 2U);
}

// A session so long that who waits for its end is told from who does not, on any machine.
KafkaOptions options_of_a_long_session(const std::string& name) {
  KafkaOptions result = options(name, {name});
  result.properties = {{"session.timeout.ms", "45000"}};
  return result;
}
constexpr auto kAtOnce = 20s;

// The first source lives and dies in a process of its own.
TEST(KafkaSource, GetsItsPartitionsAtOnceAfterAKill) {
  const auto name = fresh_name("killed");
  create_topic(name, 3);
  TestProducer().send(name, "0");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    KafkaSource source(options_of_a_long_session(name));
    Reader reader(source);
    reader.until(records(1));
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  KafkaSource source(options_of_a_long_session(name));
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(3), kAtOnce));
  EXPECT_EQ(reader.seen.assigned.size(), 3U);
  EXPECT_THAT(reader.seen.records, ElementsAre(name + "/0@0=0"));
}

TEST(KafkaSource, GetsItsPartitionsAtOnceAfterARestart) {
  const auto name = fresh_name("restarted");
  create_topic(name);
  TestProducer().send(name, "0");
  for (int run = 0; run < 3; ++run) {
    const auto before = std::chrono::steady_clock::now();
    {
      KafkaSource source(options_of_a_long_session(name));
      Reader reader(source);
      ASSERT_TRUE(reader.until(ends(1), kAtOnce));
      EXPECT_THAT(reader.seen.records, ElementsAre(name + "/0@0=0"));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - before, kAtOnce);
  }
}

// The broker gives a static member that comes back what it had, and no rebalance.
TEST(KafkaSource, FindsATopicThatAppearedWhileItWasAway) {
  const auto name = fresh_name("away");
  create_topic(name + ".a");
  const auto of = options(name, {"^" + name + "\\."});
  {
    KafkaSource source(of);
    Reader reader(source);
    ASSERT_TRUE(reader.until(ends(1)));
  }
  create_topic(name + ".b");
  TestProducer().send(name + ".b", "late");
  KafkaSource source(of);
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(2), 15s));
  EXPECT_THAT(reader.seen.records, ElementsAre(name + ".b/0@0=late"));
  EXPECT_EQ(reader.seen.assigned.size(), 2U);
}

TEST(KafkaSource, ReportsAnOffsetThatRetentionHasRemoved) {
  const auto name = fresh_name("gap");
  create_topic(name);
  TestProducer producer;
  for (const char* value : {"0", "1", "2"}) producer.send(name, value);
  delete_messages_below(name, 2);
  KafkaSource source(options(name, {name}));
  Reader reader(source);
  reader.start = [](const TopicPartition&) { return 1; };
  ASSERT_TRUE(reader.until([](const Seen& seen) { return !seen.failures.empty(); }));
  EXPECT_TRUE(reader.seen.failures[0].is_offset_out_of_range);
  EXPECT_EQ(reader.seen.failures[0].at, (TopicPartition{name, 0}));
  EXPECT_EQ(marks_of(source, {name, 0}, 5s).low, 2);
  source.assign({{{name, 0}, 2}});
  ASSERT_TRUE(reader.until(ends(1)));
  EXPECT_THAT(reader.seen.records, ElementsAre(name + "/0@2=2"));
}

TEST(KafkaSource, PublishesOffsetsAndNeverReadsThem) {
  const auto name = fresh_name("published");
  create_topic(name);
  TestProducer producer;
  for (const char* value : {"0", "1"}) producer.send(name, value);
  {
    KafkaSource source(options(name, {name}));
    Reader reader(source);
    ASSERT_TRUE(reader.until(ends(1)));
    source.publish({{{name, 0}, 2}});
    const auto published = [&](const Seen&) { return committed_offset(name, name) == 2; };
    EXPECT_TRUE(reader.until(published, 10s));
  }
  KafkaSource source(options(name, {name}));
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(1)));
  EXPECT_EQ(reader.seen.records.size(), 2U);
}

TEST(KafkaSource, GoesOnWhereItWasPaused) {
  const auto name = fresh_name("paused");
  create_topic(name, 2);
  TestProducer producer;
  for (const char* value : {"0", "1"}) producer.send(name, value, 1);
  KafkaSource source(options(name, {name}));
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(2)));
  source.pause({{name, 1}});
  producer.send(name, "2", 1);
  producer.send(name, "other", 0);
  ASSERT_TRUE(reader.until(records(3)));
  EXPECT_EQ(reader.seen.records[2], name + "/0@0=other");
  source.resume({{name, 1}});
  ASSERT_TRUE(reader.until(records(4)));
  EXPECT_EQ(reader.seen.records[3], name + "/1@2=2");
}

TEST(KafkaSource, TellsThatALiteralTopicIsNotThereYetAndFindsItLater) {
  const auto name = fresh_name("missing");
  KafkaSource source(options(name, {name}));
  Reader reader(source);
  ASSERT_TRUE(reader.until([](const Seen& seen) { return !seen.troubles.empty(); }));
  EXPECT_THAT(reader.seen.troubles, Contains(HasSubstr(name)));
  create_topic(name);
  EXPECT_TRUE(reader.until(ends(1), 15s));
}

TEST(KafkaSource, AdvisesPlaintextWhenTlsIsAnsweredInPlaintext) {
  const auto name = fresh_name("tls");
  create_topic(name);
  auto of = options(name, {name});
  of.security = "ssl";
  EXPECT_THAT(ingest::probe(of, 5s).value_or(""), HasSubstr("security 'plaintext'"));
  KafkaSource source(of);
  Reader reader(source);
  ASSERT_TRUE(reader.until([](const Seen& seen) { return !seen.troubles.empty(); }));
  EXPECT_THAT(reader.seen.troubles, Contains(HasSubstr("security 'plaintext'")));
}

TEST(KafkaSource, ProbeFindsTheTopicsOfARealCluster) {
  const auto name = fresh_name("probe");
  create_topic(name);
  EXPECT_EQ(ingest::probe(options(name, {"^" + name}), 5s), std::nullopt);
  EXPECT_THAT(ingest::probe(options(name, {name + "x"}), 5s).value_or(""), HasSubstr("no topic"));
}

// A group of two: one of them stands by or has a part.
TEST(KafkaSource, CountsPartitionsThatAreGivenToAnotherMember) {
  const auto name = fresh_name("shared");
  create_topic(name, 3);
  KafkaSource first(options(name, {name}));
  Reader reader(first);
  ASSERT_TRUE(reader.until(ends(3)));
  auto of = options(name, {name});
  of.source_name = "another";
  KafkaSource second(of);
  Reader other(second);
  const auto is_shared = [&](const Seen&) {
    other.listen(50ms);
    return reader.seen.assigned.size() < 3 && !other.seen.assigned.empty();
  };
  ASSERT_TRUE(reader.until(is_shared, 60s));
  EXPECT_EQ(first.matching(5s), 3U);
}

TEST(KafkaSource, KnowsTheClustersId) {
  const auto name = fresh_name("id");
  KafkaSource source(options(name, {"^" + name}));
  EXPECT_EQ(source.cluster_id(5s).size(), 22U);
}

}  // namespace
}  // namespace metadb::tests
