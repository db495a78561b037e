#include "ingest/kafka_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "catalog/error.h"
#include "ingest/kafka_probe.h"
#include "ingest/kafka_source.h"

namespace metadb::tests {
namespace {

using ingest::KafkaOptions;
using ::testing::HasSubstr;
using ::testing::Not;

KafkaOptions options() {
  KafkaOptions result;
  result.source_name = "sensor";
  result.brokers = "127.0.0.1:1";
  result.group_id = "g";
  result.installation_id = "0123abcd";
  result.topics = {"t"};
  return result;
}

// As librdkafka ends up with them: the last one counts.
std::map<std::string, std::string> effective(const KafkaOptions& of) {
  std::map<std::string, std::string> result;
  for (const auto& [name, value] : consumer_properties(of)) result[name] = value;
  return result;
}

TEST(KafkaOptions, NeverLetsTheGroupDecideWhereToRead) {
  const auto properties = effective(options());
  EXPECT_EQ(properties.at("auto.offset.reset"), "error");
  EXPECT_EQ(properties.at("enable.auto.commit"), "false");
  EXPECT_EQ(properties.at("enable.partition.eof"), "true");
  EXPECT_EQ(properties.at("isolation.level"), "read_committed");
}

TEST(KafkaOptions, GivesEverySourceItsOwnValidInstanceId) {
  auto of = options();
  EXPECT_EQ(effective(of).at("group.instance.id"), "0123abcd-sensor");
  of.source_name = "a b.c";
  EXPECT_EQ(effective(of).at("group.instance.id"), "0123abcd-a.20b.2ec");
}

// What one answer may hold leaves the queue room for several; one partition may fill most of it.
TEST(KafkaOptions, ReadsAheadNoMoreThanItMay) {
  auto of = options();
  for (const size_t mib : {4UL, 16UL, 128UL, 4096UL}) {
    of.queue_bytes = mib << 20U;
    const auto properties = effective(of);
    const auto number = [&](const char* name) { return std::stoull(properties.at(name)); };
    EXPECT_LE(number("queued.max.messages.kbytes") << 10U, of.queue_bytes);
    EXPECT_LE(number("fetch.max.bytes"), of.queue_bytes / 4);
    EXPECT_LE(number("fetch.message.max.bytes"), number("fetch.max.bytes"));
  }
  EXPECT_EQ(effective(of).at("fetch.message.max.bytes"), std::to_string(8UL << 20U));
  EXPECT_NO_THROW(ingest::KafkaSource{of}) << "librdkafka refuses such sizes";
}

TEST(KafkaOptions, LetsASourceReplaceWhatIsOnlyADefault) {
  auto of = options();
  of.properties = {{"session.timeout.ms", "6000"}};
  EXPECT_EQ(effective(of).at("session.timeout.ms"), "6000");
}

// Sets or unsets a variable, and puts it back.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Environment() { set(before_ ? before_->c_str() : nullptr); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  void set(const char* value) { value != nullptr ? setenv(name_, value, 1) : unsetenv(name_); }
  const char* name_;
  std::optional<std::string> before_;
};

TEST(KafkaOptions, FindsTheCaThroughTheEnvironment) {
  const Environment file("SSL_CERT_FILE", "/some/ca.pem");
  EXPECT_EQ(effective(options()).at("ssl.ca.location"), "/some/ca.pem");
}

TEST(KafkaOptions, PrefersTheCaOfTheSource) {
  const Environment file("SSL_CERT_FILE", "/some/ca.pem");
  auto of = options();
  of.properties = {{"ssl.ca.location", "/own.pem"}};
  EXPECT_EQ(effective(of).at("ssl.ca.location"), "/own.pem");
}

TEST(KafkaOptions, LooksForTheDistributionsCaWhenNothingIsSaid) {
  const Environment file("SSL_CERT_FILE", nullptr);
  const Environment folder("SSL_CERT_DIR", nullptr);
  EXPECT_EQ(effective(options()).at("ssl.ca.location"), "probe");
  auto of = options();
  of.security = "plaintext";
  EXPECT_FALSE(effective(of).contains("ssl.ca.location"));
}

TEST(KafkaOptions, LeavesAFolderOfCasToOpenssl) {
  const Environment file("SSL_CERT_FILE", nullptr);
  const Environment folder("SSL_CERT_DIR", "/some/folder");
  EXPECT_FALSE(effective(options()).contains("ssl.ca.location"));
}

TEST(KafkaOptions, HidesValuesWhoseNameSaysSecret) {
  auto of = options();
  of.properties = {{"sasl.password", "hunter2"}, {"sasl.username", "joe"}};
  EXPECT_EQ(without_secrets("joe tried hunter2, hunter2", of), "joe tried ********, ********");
  EXPECT_TRUE(ingest::is_secret_property("SSL.Key.Password"));
  EXPECT_TRUE(ingest::is_secret_property("sasl.oauthbearer.client.secret"));
  EXPECT_FALSE(ingest::is_secret_property("sasl.username"));
}

TEST(KafkaOptions, RefusesPropertiesThatMetadbDecidesOrThatDoNotExist) {
  const auto refusal = [](const ingest::Properties& properties) {
    try {
      ingest::check_kafka_properties(properties);
    } catch (const catalog::Error& error) {
      return error.sqlstate + " " + error.message() + " " + error.detail;
    }
    return std::string();
  };
  EXPECT_EQ(refusal({{"fetch.wait.max.ms", "10"}}), "");
  EXPECT_THAT(refusal({{"group.id", "x"}}), HasSubstr("22023"));
  EXPECT_THAT(refusal({{"partition.assignment.strategy", "cooperative-sticky"}}),
              HasSubstr("can't be set"));
  EXPECT_THAT(refusal({{"plugin.library.paths", "x.so"}}), HasSubstr("can't be set"));
  EXPECT_THAT(refusal({{"no.such.thing", "x"}}), HasSubstr("\"no.such.thing\""));
  EXPECT_THAT(refusal({{"fetch.wait.max.ms", "soon"}}), HasSubstr("fetch.wait.max.ms"));
  EXPECT_THAT(refusal({{"sasl.oauthbearer.client.secret.x", "hunter2"}}),
              Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace metadb::tests
