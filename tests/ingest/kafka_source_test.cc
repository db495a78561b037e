// Against librdkafka's mock cluster; tests/kafka does the same and more against a real broker.
#include "ingest/kafka_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <mutex>
#include <stop_token>

#include "catalog/error.h"
#include "ingest/demo_broker.h"
#include "ingest/kafka_probe.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/reader.h"

namespace metadb::tests {
namespace {

using ingest::DemoBroker;
using ingest::KafkaOptions;
using ingest::KafkaSource;
using ingest::Message;
using ingest::TopicPartition;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// Topics `a` and `b` with three messages each, and a group named after the test: the mock
// cluster makes a second member of a group wait for the first one's session.
class KafkaSourceTest : public testing::Test {
 protected:
  KafkaSourceTest() {
    broker_.create_topics({"a", "b", "other"});
    for (const char* topic : {"a", "b"}) {
      for (const char* value : {"0", "1", "2"}) {
        broker_.produce_one({topic, 0, 0, 1, "k", value, {}});
      }
    }
  }

  KafkaOptions options(std::vector<std::string> topics = {"^[ab]$"}) const {
    KafkaOptions result;
    result.source_name = testing::UnitTest::GetInstance()->current_test_info()->name();
    result.brokers = broker_.bootstrap();
    result.group_id = result.source_name;
    result.security = "plaintext";
    result.installation_id = "test";
    result.topics = std::move(topics);
    result.properties = {{"session.timeout.ms", "6000"}};
    return result;
  }

  DemoBroker broker_;
};

const TopicPartition kA{"a", 0};
const TopicPartition kB{"b", 0};

auto records(size_t count) {
  return [count](const Seen& seen) { return seen.records.size() >= count; };
}
auto ends(size_t count) {
  return [count](const Seen& seen) { return seen.ends.size() >= count; };
}
// Polls up to Assigned, which is left without an answer.
bool gets_assigned(KafkaSource& source) {
  return eventually([&] { return std::holds_alternative<ingest::Assigned>(source.poll(100ms)); });
}

TEST_F(KafkaSourceTest, ReadsTheTopicsOfAnExpressionToTheirEnds) {
  KafkaSource source(options());
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(2)));
  EXPECT_THAT(reader.seen.assigned, ElementsAre(kA, kB));
  EXPECT_THAT(reader.seen.records, UnorderedElementsAre("a/0@0=0", "a/0@1=1", "a/0@2=2", "b/0@0=0",
                                                        "b/0@1=1", "b/0@2=2"));
  EXPECT_EQ(reader.seen.ends[0].offset, 3);
}

TEST_F(KafkaSourceTest, ReadsLiteralTopicsOnly) {
  KafkaSource source(options({"b", "other"}));
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(2)));
  EXPECT_THAT(reader.seen.assigned, ElementsAre(kB, TopicPartition{"other", 0}));
  EXPECT_EQ(reader.seen.records.size(), 3U);
}

TEST_F(KafkaSourceTest, DeliversNothingBeforeAssignAndThenFromTheGivenOffsets) {
  KafkaSource source(options());
  ASSERT_TRUE(gets_assigned(source));
  EXPECT_TRUE(std::holds_alternative<ingest::Nothing>(source.poll(300ms)));
  source.assign({{kA, 2}, {kB, 1}});
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(2)));
  EXPECT_THAT(reader.seen.records, UnorderedElementsAre("a/0@2=2", "b/0@1=1", "b/0@2=2"));
}

TEST_F(KafkaSourceTest, StartsOverWhenAssignedAgain) {
  KafkaSource source(options({"a"}));
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(1)));
  source.assign({{kA, 1}});
  ASSERT_TRUE(reader.until(ends(2)));
  EXPECT_THAT(reader.seen.records,
              ElementsAre("a/0@0=0", "a/0@1=1", "a/0@2=2", "a/0@1=1", "a/0@2=2"));
}

TEST_F(KafkaSourceTest, HoldsPausedPartitionsBackAndGoesOnWhereItStopped) {
  KafkaSource source(options({"a"}));
  Reader reader(source);
  ASSERT_TRUE(reader.until(records(1)));
  source.pause({kA});
  reader.listen(700ms);
  EXPECT_THAT(reader.seen.records, ElementsAre("a/0@0=0"));
  source.resume({kA});
  ASSERT_TRUE(reader.until(records(3)));
  EXPECT_THAT(reader.seen.records, ElementsAre("a/0@0=0", "a/0@1=1", "a/0@2=2"));
}

TEST_F(KafkaSourceTest, SeeksAlsoWhilePaused) {
  KafkaSource source(options({"a"}));
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(1)));
  source.pause({kA});
  source.seek({kA, 1});
  source.pause({kA});
  reader.listen(300ms);
  EXPECT_EQ(reader.seen.records.size(), 3U);
  source.resume({kA});
  ASSERT_TRUE(reader.until(ends(2)));
  EXPECT_THAT(reader.seen.records,
              ElementsAre("a/0@0=0", "a/0@1=1", "a/0@2=2", "a/0@1=1", "a/0@2=2"));
}

TEST_F(KafkaSourceTest, SeeksRightAfterAssign) {
  KafkaSource source(options({"a"}));
  ASSERT_TRUE(gets_assigned(source));
  source.assign({{kA, 0}});
  source.seek({kA, 2});
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(1)));
  EXPECT_THAT(reader.seen.records, ElementsAre("a/0@2=2"));
}

TEST_F(KafkaSourceTest, ReportsAnOffsetThatIsNotThere) {
  KafkaSource source(options({"a"}));
  Reader reader(source);
  reader.start = [](const TopicPartition&) { return 77; };
  ASSERT_TRUE(reader.until([](const Seen& seen) { return !seen.failures.empty(); }));
  EXPECT_TRUE(reader.seen.failures[0].is_offset_out_of_range);
  EXPECT_EQ(reader.seen.failures[0].at, kA);
  EXPECT_TRUE(reader.seen.records.empty());
  source.assign({{kA, 2}});
  ASSERT_TRUE(reader.until(ends(1)));
  EXPECT_THAT(reader.seen.records, ElementsAre("a/0@2=2"));
}

TEST_F(KafkaSourceTest, AsksForWatermarksAndCluster) {
  KafkaSource source(options());
  EXPECT_EQ(marks_of(source, kA, 5s).low, 0);
  EXPECT_EQ(marks_of(source, kA, 5s).high, 3);
  EXPECT_FALSE(source.cluster_id(5s).empty());
  broker_.set_down(true);
  try {
    marks_of(source, kA, 300ms);
    FAIL() << "an answer from a broker that is down";
  } catch (const catalog::Error& error) {
    EXPECT_EQ(error.sqlstate, "08001");
  }
}

TEST_F(KafkaSourceTest, KeepsTheBytesOfAMessageThatOutlivesIt) {
  Message kept;
  {
    KafkaSource source(options({"a"}));
    Reader reader(source);
    ASSERT_TRUE(reader.until(records(2)));
    kept = reader.seen.messages[1];
  }
  EXPECT_EQ(kept.topic, "a");
  EXPECT_EQ(kept.value, "1");
}

TEST_F(KafkaSourceTest, TellsOnceThatNoBrokerAnswersAndGoesOnWhenOneDoes) {
  KafkaSource source(options({"a"}));
  Reader reader(source);
  // The group's session may end meanwhile: then it is a new assignment that goes on.
  reader.start = [&](const TopicPartition&) { return std::ssize(reader.seen.records); };
  ASSERT_TRUE(reader.until(ends(1)));
  broker_.set_down(true);
  ASSERT_TRUE(reader.until([](const Seen& seen) { return !seen.troubles.empty(); }));
  reader.listen(2s);
  EXPECT_LE(reader.seen.troubles.size(), 4U) << testing::PrintToString(reader.seen.troubles);
  broker_.set_down(false);
  broker_.produce_one({"a", 0, 0, 1, "k", "3", {}});
  ASSERT_TRUE(reader.until(records(4), 60s));
  EXPECT_THAT(reader.seen.records, ElementsAre("a/0@0=0", "a/0@1=1", "a/0@2=2", "a/0@3=3"));
}

TEST_F(KafkaSourceTest, TellsWhenNoBrokerAnswersAndWhenOneDoesAlthoughNothingComes) {
  KafkaSource source(options({"a"}));
  Reader reader(source);
  ASSERT_TRUE(reader.until(ends(1)));
  broker_.set_down(true);
  ASSERT_TRUE(reader.until([](const Seen& seen) { return seen.aways > 0; }));
  EXPECT_EQ(reader.seen.backs, 0);
  broker_.set_down(false);
  ASSERT_TRUE(reader.until([](const Seen& seen) { return seen.backs > 0; }, 60s));
  EXPECT_EQ(reader.seen.aways, 1);
  EXPECT_EQ(reader.seen.backs, 1);
}

TEST_F(KafkaSourceTest, AdvisesPlaintextWhenTlsIsAnsweredInPlaintext) {
  auto of = options({"a"});
  of.security = "ssl";
  KafkaSource source(of);
  Reader reader(source);
  ASSERT_TRUE(reader.until([](const Seen& seen) { return !seen.troubles.empty(); }));
  EXPECT_THAT(reader.seen.troubles, Contains(HasSubstr("security 'plaintext'")));
}

TEST_F(KafkaSourceTest, EndsInBoundedTimeWhenNobodyAnswers) {
  auto source = std::make_unique<KafkaSource>(options({"a"}));
  Reader reader(*source);
  ASSERT_TRUE(reader.until(ends(1)));
  broker_.set_down(true);
  const auto before = std::chrono::steady_clock::now();
  source.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}

TEST_F(KafkaSourceTest, EndsInBoundedTimeBetweenAssignedAndAssign) {
  auto source = std::make_unique<KafkaSource>(options({"a"}));
  ASSERT_TRUE(gets_assigned(*source));
  const auto before = std::chrono::steady_clock::now();
  source.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}

// Keeps what is logged. The default logger must not change while a thread logs.
class CaughtLog {
 protected:
  CaughtLog() {
    auto logger = std::make_shared<spdlog::logger>("test", sink_);
    logger->set_level(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
  }
  ~CaughtLog() { spdlog::set_default_logger(before_); }
  [[nodiscard]] std::string logged() const { return sink_->text(); }

 private:
  class Sink final : public spdlog::sinks::base_sink<std::mutex> {
   public:
    std::string text() {
      const std::scoped_lock lock(mutex_);
      return text_;
    }

   private:
    void sink_it_(const spdlog::details::log_msg& message) override {
      text_.append(message.payload.data(), message.payload.size()) += '\n';
    }
    void flush_() override {}
    std::string text_;
  };

  std::shared_ptr<Sink> sink_ = std::make_shared<Sink>();
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

// The log begins before the broker and ends after it.
class LoggedKafkaSource : private CaughtLog, public KafkaSourceTest {
 protected:
  using CaughtLog::logged;
};

TEST_F(LoggedKafkaSource, NeverShowsASecret) {
  auto of = options({"a"});
  of.security = "sasl_plaintext";
  of.properties = {{"sasl.mechanism", "PLAIN"},
                   {"sasl.username", "joe"},
                   {"sasl.password", "hunter2"},
                   {"sasl.kerberos.keytab", "hunter2"},  // librdkafka logs this one
                   {"debug", "conf,security"}};
  {
    KafkaSource source(of);
    Reader reader(source);
    reader.until([](const Seen& seen) { return !seen.troubles.empty(); }, 3s);
    for (const auto& trouble : reader.seen.troubles)
      EXPECT_THAT(trouble, Not(HasSubstr("hunter2")));
  }
  EXPECT_THAT(logged(), HasSubstr("sasl.kerberos.keytab = ********"));
  EXPECT_THAT(logged(), Not(HasSubstr("hunter2")));
}

TEST_F(KafkaSourceTest, RefusesAValueWithoutShowingASecretOne) {
  auto of = options();
  of.properties = {{"ssl.keystore.location", "hunter2"}, {"sasl.mechanism", "PLAIN"}};
  try {
    of.security = "ssl";
    const KafkaSource source(of);
    FAIL() << "a key store that is not there";
  } catch (const catalog::Error& error) {
    EXPECT_THAT(error.message() + error.detail, Not(HasSubstr("hunter2")));
  }
}

TEST_F(KafkaSourceTest, ProbeIsContentWithAClusterThatHasTheTopics) {
  EXPECT_EQ(ingest::probe(options(), 5s), std::nullopt);
}

TEST_F(KafkaSourceTest, ProbeSaysThatNoTopicMatches) {
  EXPECT_THAT(ingest::probe(options({"^x", "y"}), 5s).value_or(""), HasSubstr("no topic"));
}

TEST_F(KafkaSourceTest, ProbeAdvisesPlaintext) {
  auto of = options();
  of.security = "ssl";
  EXPECT_THAT(ingest::probe(of, 5s).value_or(""), HasSubstr("security 'plaintext'"));
}

TEST_F(KafkaSourceTest, ProbeSaysWhyABrokerDoesNotAnswer) {
  auto of = options();
  of.brokers = "127.0.0.1:1";
  const auto before = std::chrono::steady_clock::now();
  EXPECT_THAT(ingest::probe(of, 30s).value_or(""), HasSubstr("127.0.0.1:1"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 20s) << "it waits for more than the answer";
  of.brokers = "no-such-host.invalid:9092";
  EXPECT_THAT(ingest::probe(of, 5s).value_or(""), HasSubstr("no-such-host.invalid"));
}

// A broker that takes connections and never says a word.
TEST_F(KafkaSourceTest, ProbeEndsWhenItIsAskedTo) {
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(silent, 1), 0);
  ASSERT_EQ(getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  auto of = options();
  of.brokers = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  std::stop_source stop;
  auto probed = std::async(std::launch::async, [&] { ingest::probe(of, 30s, stop.get_token()); });
  // It is connected, and waits for an answer.
  const int connection = accept4(silent, nullptr, nullptr, SOCK_CLOEXEC);
  EXPECT_EQ(probed.wait_for(300ms), std::future_status::timeout);
  stop.request_stop();
  EXPECT_EQ(probed.wait_for(1s), std::future_status::ready);
  close(connection);
  close(silent);
}

}  // namespace
}  // namespace metadb::tests
