#include <chrono>
#include <future>
#include <thread>

#include "tests/server/commands_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using server::Reply;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

std::string create(const std::string& name, const std::string& more) {
  return "create data source " + name +
         " type kafka options (brokers 'b:9092', topics 't', consumer_group 'g'" + more + ")";
}

class DataSource : public CommandsTest {};

TEST_F(DataSource, IsStoredPublishedAndStarted) {
  const Reply reply = run(kCreate);
  EXPECT_EQ(reply.tag, "CREATE DATA SOURCE");
  EXPECT_THAT(reply.columns, IsEmpty());
  EXPECT_THAT(notices_, IsEmpty());
  EXPECT_EQ(only("SELECT brokers || topics || consumer_group || security || sync || enable"
                 " FROM metadb.source WHERE name = 's'"),
            "b:9092^t\\.gssl1true");
  const auto snapshot = catalog_->snapshot();
  ASSERT_TRUE(snapshot->sources.contains("s"));
  EXPECT_EQ(snapshot->sources.at("s").option("topics"), "^t\\.");
  EXPECT_TRUE(workers_->status("s"));
}

TEST_F(DataSource, IsCreatedEvenIfItsBrokersDoNotAnswer) {
  probe_ = [](const std::stop_token&) { return "no answer from brokers"; };
  run(kCreate);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].severity, "WARNING");
  EXPECT_EQ(notices_[0].sqlstate, "01000");
  EXPECT_THAT(notices_[0].message, HasSubstr("\"s\" can't be read yet: no answer from brokers"));
  EXPECT_TRUE(workers_->status("s"));
}

TEST_F(DataSource, IsCreatedEvenIfTheWaitForItsBrokersIsCanceled) {
  probe_ = [&](const std::stop_token& stop) {
    EXPECT_FALSE(stop.stop_requested());
    stop_.request_stop();
    EXPECT_TRUE(stop.stop_requested());
    return "no answer from brokers";
  };
  EXPECT_EQ(run(kCreate).tag, "CREATE DATA SOURCE");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].severity, "WARNING");
  EXPECT_EQ(notices_[0].sqlstate, "01000");
  EXPECT_EQ(notices_[0].message, "canceling wait for the brokers due to user request");
  EXPECT_THAT(notices_[0].detail, HasSubstr("\"s\" is created"));
  EXPECT_TRUE(workers_->status("s"));
}

TEST_F(DataSource, WarnsOfAnotherInTheSameConsumerGroup) {
  const auto with = [](const std::string& name, const std::string& brokers,
                       const std::string& group) {
    return "create data source " + name + " type kafka options (brokers '" + brokers +
           "', topics 't', consumer_group '" + group + "')";
  };
  run(with("one", "a:9092, b:9092", "g"));
  EXPECT_THAT(notices_, IsEmpty());
  run(with("two", "b:9092", "h"));
  EXPECT_THAT(notices_, IsEmpty());
  run(with("three", "c:9092", "g"));
  EXPECT_THAT(notices_, IsEmpty());
  run(with("four", "b:9092", "g"));
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].severity, "WARNING");
  EXPECT_THAT(notices_[0].message, testing::AllOf(HasSubstr("\"one\""), HasSubstr("\"g\"")));
}

TEST_F(DataSource, NameIsTakenOnce) {
  run(kCreate);
  const Error error = failure(kCreate);
  EXPECT_EQ(error.sqlstate, "42710");
  EXPECT_EQ(error.message(), "data source \"s\" already exists");
  EXPECT_TRUE(workers_->status("s"));
}

TEST_F(DataSource, KeepsEveryCharacterOfAQuotedName) {
  run(create("\"My; \"\"Source\"", ""));
  EXPECT_TRUE(workers_->status("My; \"Source"));
}

TEST_F(DataSource, OptionsHaveTheReferencesOtherSpellings) {
  run("create data source s type kafka options (brokers 'b', topics 't', consumergroup 'g', "
      "addschemaprefix 'p_')");
  EXPECT_EQ(only("SELECT consumer_group || add_schema_prefix FROM metadb.source"), "gp_");
  for (const catalog::SourceOptionRow& row : catalog::source_option_rows()) {
    if (row.alias.empty()) continue;
    std::string plain(row.name);
    std::erase(plain, '_');
    EXPECT_EQ(row.alias, plain);
    const bool is_set =
        only("SELECT " + std::string(row.name) + " <> '' FROM metadb.source") == "t";
    run("alter data source s options (" + std::string(is_set ? "set " : "add ") + plain +
        " 'spelled')");
    EXPECT_EQ(only("SELECT " + std::string(row.name) + " FROM metadb.source"), "spelled") << plain;
  }
}

TEST_F(DataSource, OtherTypesAreNotSupported) {
  const Error error = failure("create data source s type rabbit options (brokers 'b')");
  EXPECT_EQ(error.sqlstate, "0A000");
  EXPECT_EQ(error.message(), "data source type \"rabbit\" is not supported");
  EXPECT_EQ(error.position, 27);
}

TEST_F(DataSource, MissingOptionsAreNamed) {
  const Error error = failure("create data source s type kafka options (topics 't')");
  EXPECT_EQ(error.sqlstate, "42601");
  EXPECT_EQ(error.message(), "required options \"brokers\", \"consumer_group\" missing");
  EXPECT_THAT(error.hint, HasSubstr("consumer_group"));
}

TEST_F(DataSource, UnknownOptionIsPointedAt) {
  const std::string sql = create("s", ", brokerz 'b'");
  const Error error = failure(sql);
  EXPECT_EQ(error.sqlstate, "42601");
  EXPECT_EQ(error.message(), "unrecognized option \"brokerz\"");
  EXPECT_THAT(error.hint, HasSubstr("schema_stop_filter"));
  EXPECT_EQ(error.position, static_cast<int>(sql.find("brokerz")) + 1);
}

TEST_F(DataSource, OptionIsGivenOnceInWhateverSpelling) {
  const std::string sql = create("s", ", consumergroup 'h'");
  const Error error = failure(sql);
  EXPECT_EQ(error.sqlstate, "42601");
  EXPECT_EQ(error.message(), "option \"consumer_group\" is specified more than once");
  EXPECT_EQ(error.position, static_cast<int>(sql.find("consumergroup")) + 1);
}

struct BadOption {
  std::string option;
  std::string sqlstate;
  std::string message;
};

class BadOptionTest : public CommandsTest, public testing::WithParamInterface<BadOption> {};

TEST_P(BadOptionTest, IsRefusedAtItsValueAndNothingIsCreated) {
  std::string sql = create("s", ", " + GetParam().option);
  if (GetParam().option.starts_with("topics")) {
    sql = "create data source s type kafka options (" + GetParam().option + ")";
  }
  const Error error = failure(sql);
  EXPECT_EQ(error.sqlstate, GetParam().sqlstate);
  EXPECT_THAT(error.message(), HasSubstr(GetParam().message));
  const std::string value = GetParam().option.substr(GetParam().option.find('\''));
  EXPECT_EQ(error.position, static_cast<int>(sql.rfind(value)) + 1);
  EXPECT_EQ(only("SELECT count(*) FROM metadb.source"), "0");
  EXPECT_FALSE(workers_->status("s"));
}

INSTANTIATE_TEST_SUITE_P(
    DataSource, BadOptionTest,
    testing::Values(BadOption{"security 'none'", "22023", "security"},
                    BadOption{"topics 'a b'", "22023", "a b"},
                    BadOption{"topics '^a('", "2201B", "^a("},
                    BadOption{"schema_pass_filter '(x'", "2201B", "(x"},
                    BadOption{"schema_stop_filter 'admin,(y'", "2201B", "(y"},
                    BadOption{"table_stop_filter '[z'", "2201B", "[z"},
                    BadOption{"kafka.no.such.thing 'v'", "22023", "no.such.thing"},
                    BadOption{"kafka.fetch.min.bytes 'many'", "22023", "fetch.min.bytes"}));

TEST_F(DataSource, PropertiesThatTheServerSetsAreRefused) {
  EXPECT_EQ(failure(create("s", ", kafka.group.id 'x'")).sqlstate, "42601");
}

TEST_F(DataSource, SecretOfARefusedCommandIsNotRepeated) {
  const Error error = failure(create("s",
                                     ", kafka.enable.ssl.certificate.verification 'x', "
                                     "kafka.ssl.key.password 'hush'"));
  EXPECT_THAT(error.message() + error.detail + error.hint, Not(HasSubstr("hush")));
}

TEST_F(DataSource, DropStopsItAndForgetsTheConfiguration) {
  run(create("s", ", kafka.client.rack 'r'"));
  const Reply reply = run("drop data source s");
  EXPECT_EQ(reply.tag, "DROP DATA SOURCE");
  EXPECT_THAT(notices_, IsEmpty());
  EXPECT_FALSE(workers_->status("s"));
  EXPECT_FALSE(catalog_->snapshot()->sources.contains("s"));
  EXPECT_EQ(only("SELECT count(*) FROM metadb.source"), "0");
  EXPECT_EQ(only("SELECT count(*) FROM metadb.source_option"), "0");
}

TEST_F(DataSource, DropOfAnUnknownOneFails) {
  const Error error = failure("drop data source nobody");
  EXPECT_EQ(error.sqlstate, "42704");
  EXPECT_EQ(error.message(), "data source \"nobody\" does not exist");
}

TEST_F(DataSource, WhatWasReadStaysAndIsToldOf) {
  run(kCreate);
  superuser_.exec(
      "INSERT INTO metadb.ingest_position (source_name, topic, part, cluster_id, next_offset)"
      " VALUES ('s', 't', 0, 'c', 7)");
  run("drop data source s");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].severity, "NOTICE");
  EXPECT_THAT(notices_[0].message, HasSubstr("its positions are kept"));
  EXPECT_EQ(only("SELECT next_offset FROM metadb.ingest_position"), "7");
  run(kCreate);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_THAT(notices_[0].message, HasSubstr("goes on where it stopped"));
}

TEST_F(DataSource, DropThatFailsLeavesTheSourceRunning) {
  run(kCreate);
  superuser_.exec(
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END "
      "$$; CREATE CONSTRAINT TRIGGER refuse AFTER DELETE ON metadb.source DEFERRABLE INITIALLY "
      "DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()");
  EXPECT_EQ(failure("drop data source s").message(), "not now");
  EXPECT_TRUE(workers_->status("s"));
  EXPECT_TRUE(catalog_->snapshot()->sources.contains("s"));
}

struct BadChange {
  std::string change;
  std::string sqlstate;
  std::string message;
  std::string at;  // where the caret stands
};

class BadChangeTest : public CommandsTest, public testing::WithParamInterface<BadChange> {};

TEST_P(BadChangeTest, IsPointedAtAndNothingIsAltered) {
  run(create("s", ", module 'none'"));
  const std::string sql =
      "alter data source s options (set brokers 'x', " + GetParam().change + ")";
  const Error error = failure(sql);
  EXPECT_EQ(error.sqlstate, GetParam().sqlstate);
  EXPECT_EQ(error.message(), GetParam().message);
  EXPECT_EQ(error.position, static_cast<int>(sql.find(GetParam().at)) + 1);
  EXPECT_EQ(only("SELECT brokers FROM metadb.source"), "b:9092");
  EXPECT_EQ(catalog_->snapshot()->sources.at("s").option("brokers"), "b:9092");
}

INSTANTIATE_TEST_SUITE_P(
    DataSource, BadChangeTest,
    testing::Values(
        BadChange{"add topics 'u'", "42601", "option \"topics\" provided more than once", "topics"},
        BadChange{"module 'm'", "42601", "option \"module\" provided more than once", "module"},
        BadChange{"set add_schema_prefix 'p'", "42601", "option \"add_schema_prefix\" not found",
                  "add_schema_prefix"},
        BadChange{"drop kafka.client.rack", "42601", "option \"kafka.client.rack\" not found",
                  "kafka.client"},
        BadChange{"drop security", "42601", "option \"security\" not found", "security"},
        BadChange{"drop consumergroup", "42601",
                  "option \"consumer_group\" is required and cannot be dropped", "consumergroup"},
        BadChange{"set brokerz 'u'", "42601", "unrecognized option \"brokerz\"", "brokerz"},
        BadChange{"set security 'tls'", "22023", "invalid value for option \"security\": \"tls\"",
                  "'tls'"},
        BadChange{"set topics ''", "22023", "invalid value for option \"topics\": \"\"", "''"},
        BadChange{"set topics 'a b'", "22023", "\"a b\" is not a valid topic name", "'a b'"}));

TEST_F(DataSource, ChangesAreMadeInTheirOrder) {
  run(create("s", ", module 'none', kafka.client.rack 'r'"));
  run("alter data source s options (drop module, module 'm', set security 'plaintext', "
      "set kafka.client.rack 'q', add kafka.sasl.password 'hush', addschemaprefix 'p_')");
  EXPECT_EQ(only("SELECT module || security || add_schema_prefix FROM metadb.source"),
            "mplaintextp_");
  EXPECT_EQ(only("SELECT string_agg(value, ' ' ORDER BY option) FROM metadb.source_option"),
            "q hush");
  run("alter data source s options (drop security, drop kafka.client.rack)");
  EXPECT_EQ(catalog_->snapshot()->sources.at("s").option("security"), "ssl");
  EXPECT_EQ(only("SELECT security FROM metadb.source"), "ssl");
}

TEST_F(DataSource, ThatIsUnknownIsNeitherAlteredNorPausedNorResumed) {
  for (const std::string sql : {"alter data source nobody options (set topics 't')",
                                "pause data source nobody", "resume data source nobody"}) {
    const Error error = failure(sql);
    EXPECT_EQ(error.sqlstate, "42704") << sql;
    EXPECT_EQ(error.message(), "data source \"nobody\" does not exist");
  }
}

TEST_F(DataSource, IsAlteredPausedAndResumedByAdministratorsOnly) {
  run(kCreate);
  create_role("ann");
  for (const std::string sql :
       {"alter data source s options (set topics 't')", "pause data source s",
        "resume data source s", "create data origin o", "purge dead letters", "retry dead letters",
        "list topics", "create data mapping for json from table s.t__ column c path '$' to 't'",
        "drop data mapping for json from table s.t__ column c path '$'"}) {
    EXPECT_EQ(failure_as(role("ann"), sql).sqlstate, "42501") << sql;
  }
}

TEST_F(DataSource, OriginIsCreatedOnce) {
  run("create data origin east");
  EXPECT_THAT(notices_, IsEmpty());
  const Error error = failure("create data origin east");
  EXPECT_EQ(error.sqlstate, "42710");
  EXPECT_EQ(error.message(), "data origin \"east\" already exists");
  EXPECT_THAT(catalog_->snapshot()->origins, ElementsAre("east"));
}

TEST_F(DataSource, PauseDoesNotWaitForTheBrokersOfAnotherCommand) {
  std::promise<void> probing;
  std::promise<void> answer;
  probe_ = [&](const std::stop_token&) {
    probing.set_value();
    answer.get_future().wait();
    return std::nullopt;
  };
  server::Context other({.user = "postgres", .database = database_.name()}, stop_.get_token(),
                        [](const server::Notice&) {});
  std::jthread creating([&] { commands_->run(command(kCreate), other); });
  probing.get_future().wait();
  const auto begun = std::chrono::steady_clock::now();
  run("pause data source s");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
  answer.set_value();
}

TEST_F(DataSource, CancelledCommandChangesNothing) {
  stop_.request_stop();
  EXPECT_EQ(failure(kCreate).sqlstate, "57014");
  EXPECT_EQ(only("SELECT count(*) FROM metadb.source"), "0");
}

}  // namespace
}  // namespace metadb::tests
