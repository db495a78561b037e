#include "catalog/settings.h"
#include "server/commands/listing.h"
#include "server/wire/binary.h"
#include "tests/fakes/eventually.h"
#include "tests/ingest/debezium_message.h"
#include "tests/server/commands_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using server::ColumnDescription;
using server::Reply;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::MatchesRegex;
using testing::Not;
using testing::Optional;

std::vector<std::string> names_of(const std::vector<ColumnDescription>& columns) {
  std::vector<std::string> names;
  for (const ColumnDescription& column : columns) names.push_back(column.name);
  return names;
}

class List : public CommandsTest {
 protected:
  void wait_for_state(const std::string& state) {
    ASSERT_TRUE(eventually([&] { return listed("status", "state") == state; }));
  }
};

TEST_F(List, DescribesTheColumnsItAnswersWith) {
  for (const server::Listing& listing : server::listings()) {
    if (listing.rows == nullptr) continue;
    const std::string sql = "list " + std::string(listing.name);
    const Reply reply = run(sql);
    EXPECT_EQ(reply.tag, "LIST");
    EXPECT_EQ(names_of(commands_->describe(command(sql))), names_of(reply.columns)) << sql;
    EXPECT_THAT(reply.columns, Not(IsEmpty())) << sql;
    for (const ColumnDescription& column : reply.columns) {
      EXPECT_TRUE(server::wire::has_binary_form(column.type_oid)) << sql << " " << column.name;
    }
  }
}

TEST_F(List, OfAnythingElseNamesWhatThereIs) {
  const Error error = failure("list nothing");
  EXPECT_EQ(error.sqlstate, "42704");
  EXPECT_EQ(error.position, 6);
  EXPECT_THAT(error.hint, HasSubstr("data_sources, dead_letters, external_sql, snapshot_tables"));
  EXPECT_THAT(commands_->describe(command("list nothing")), IsEmpty());
}

TEST_F(List, IsEmptyInTheBeginning) {
  for (const std::string name : {"status", "data_sources", "data_mappings", "data_origins",
                                 "authorizations", "users", "tables", "topics", "dead_letters"}) {
    EXPECT_THAT(run("list " + name).rows, IsEmpty()) << name;
  }
}

TEST_F(List, ShowsEveryParameterWithItsDefault) {
  run("alter system set tables_per_transaction = '7'");
  const Reply reply = run("list config");
  EXPECT_THAT(names_of(reply.columns), ElementsAre("parameter", "value", "default", "description"));
  ASSERT_EQ(reply.rows.size(), catalog::setting_rows().size());
  const auto& row = reply.rows.back();
  EXPECT_THAT(row, ElementsAre("tables_per_transaction", "7", "50", testing::_));
}

TEST_F(List, ShowsOptionsOfDataSourcesWithoutSecrets) {
  run("create data source s type kafka options (brokers 'b:1', topics 't', consumer_group 'g', "
      "security 'sasl_ssl', kafka.sasl.username 'me', kafka.sasl.password 'hush', "
      "module 'none')");
  const Reply reply = run("list data_sources");
  EXPECT_THAT(
      names_of(reply.columns),
      ElementsAre("name", "brokers", "security", "topics", "consumer_group", "schema_pass_filter",
                  "schema_stop_filter", "table_stop_filter", "trim_schema_prefix",
                  "add_schema_prefix", "map_public_schema", "module", "options"));
  ASSERT_EQ(reply.rows.size(), 1U);
  EXPECT_THAT(reply.rows[0],
              ElementsAre("s", "b:1", "sasl_ssl", "t", "g", "", "", "", "", "", "", "none",
                          "kafka.sasl.password '********', kafka.sasl.username 'me'"));
}

TEST_F(List, ShowsWhatAStreamingSourceDoes) {
  ingest::RecordedMessage tombstone;
  tombstone.topic = "t.a";
  tombstone.key = "k";
  recording_.push_back(tombstone);
  run(kCreate);
  wait_for_state("streaming");
  EXPECT_EQ(listed("status", "type"), "data_source");
  EXPECT_EQ(listed("status", "name"), "s");
  EXPECT_EQ(listed("status", "source_stream"), "active");
  EXPECT_EQ(listed("status", "source_sync"), "initial");
  EXPECT_TRUE(eventually([&] { return listed("status", "lag_events") == "0"; }));
  EXPECT_EQ(listed("status", "snapshot_total"), std::nullopt);
  EXPECT_EQ(listed("status", "last_error"), std::nullopt);
  const auto since = listed("status", "since");
  ASSERT_TRUE(since);
  EXPECT_TRUE(server::wire::binary_form(1184, *since)) << *since;
}

TEST_F(List, ShowsWhyATopicIsStopped) {
  const std::vector<TestField> fields = {{"id", "int32", "", ""}};
  ingest::RecordedMessage change;
  change.topic = "t.a";
  change.key = key_json(fields, R"({"id":1})");
  change.value = change_json(fields, {.after = R"({"id":1})"});
  recording_.push_back(change);
  run(kCreate);
  ASSERT_TRUE(eventually([&] { return !run("list tables").rows.empty(); }));
  run("create data source twin type kafka options (brokers 'b', topics 't.a', consumer_group "
      "'h')");
  const auto twin = [&] { return run("list status").rows.at(1); };
  ASSERT_TRUE(eventually([&] { return twin()[4] == "retrying"; }));
  const auto row = twin();
  EXPECT_EQ(row[1], "twin");
  EXPECT_EQ(row[2], "error");
  EXPECT_THAT(row[12], Optional(AllOf(HasSubstr("topic t.a: "), HasSubstr("\"s\""),
                                      HasSubstr("\"twin\""), HasSubstr("add_schema_prefix"))));
  EXPECT_TRUE(row[13]);
}

// What was read is not committed: somebody has the row that says how far it is.
TEST_F(List, ShowsWhatPostgresHasBeenAtForLong) {
  const std::vector<TestField> fields = {{"id", "int32", "", ""}};
  ingest::RecordedMessage change;
  change.topic = "t.a";
  change.key = key_json(fields, R"({"id":1})");
  change.value = change_json(fields, {.after = R"({"id":1})"});
  recording_.push_back(change);
  const auto pass_position = [&] {
    return only("SELECT count(*) FROM metadb.ingest_position WHERE next_offset = 1") == "1";
  };
  superuser_.exec(
      "CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF "
      "NEW.next_offset > 0 THEN PERFORM pg_advisory_xact_lock(1); END IF; RETURN NEW; END $$; "
      "CREATE TRIGGER wait BEFORE UPDATE ON metadb.ingest_position FOR EACH ROW EXECUTE FUNCTION "
      "public.wait()");
  {
    const catalog::Transaction holder(superuser_);
    superuser_.exec("SELECT pg_advisory_xact_lock(1)");
    run(kCreate);
    ASSERT_TRUE(eventually([&] { return listed("status", "last_error").has_value(); }));
    EXPECT_THAT(*listed("status", "last_error"),
                MatchesRegex("PostgreSQL has been at a batch of 1 change for [0-9]+ s: process "
                             "[0-9]+, waits for Lock advisory"));
    EXPECT_TRUE(listed("status", "last_error_time"));
    EXPECT_TRUE(eventually([&] { return listed("status", "lag_events") == "1"; }));
  }
  ASSERT_TRUE(eventually(pass_position));
  EXPECT_TRUE(eventually([&] { return !listed("status", "last_error").has_value(); }));
  EXPECT_TRUE(eventually([&] { return listed("status", "lag_events") == "0"; }));
}

TEST_F(List, ShowsASourceWithoutWorkerAsStopped) {
  run(kCreate);
  workers_->stop("s");
  EXPECT_EQ(listed("status", "state"), "stopped");
  EXPECT_EQ(listed("status", "source_stream"), "inactive");
  EXPECT_EQ(listed("status", "lag_events"), std::nullopt);
}

TEST_F(List, ShowsRegisteredUsersOriginsMappingsAndGrants) {
  superuser_.exec(
      "INSERT INTO metadb.auth VALUES ('ann', 'reads');"
      "INSERT INTO metadb.origin VALUES ('east');"
      "INSERT INTO metadb.transform_json VALUES ('s', 't', 'c', '$', 'id');"
      "INSERT INTO metadb.acl VALUES ('s', 't', 't', 'a', 'ann');"
      "INSERT INTO metadb.acl_all VALUES ('bob')");
  EXPECT_THAT(run("list users").rows,
              ElementsAre(ElementsAre("ann", "reads", std::nullopt, "f", std::nullopt)));
  EXPECT_THAT(run("list data_origins").rows, ElementsAre(ElementsAre("east")));
  EXPECT_THAT(run("list data_mappings").rows,
              ElementsAre(ElementsAre("json", "s.t__", "c", "$", "id")));
  EXPECT_THAT(run("list authorizations").rows,
              ElementsAre(ElementsAre("ann", "s.t", "access", "table", "f"),
                          ElementsAre("bob", "all", "access", "all", "t")));
}

TEST_F(List, ShowsDeadLettersNewestFirst) {
  superuser_.exec(
      "INSERT INTO metadb.dead_letter (source_name, topic, part, \"offset\", sqlstate, error)"
      " SELECT 's', 't', 0, n, '22P02', 'bad' FROM generate_series(1, 1001) n");
  const Reply reply = run("list dead_letters");
  ASSERT_EQ(reply.rows.size(), 1000U);
  EXPECT_EQ(reply.rows[0][4], "1001");
  EXPECT_THAT(notices_, ElementsAre(testing::Field(&server::Notice::message,
                                                   HasSubstr("only the newest 1000"))));
}

class Tables : public CommandsTest {
 protected:
  // s.t with the rows of one year, as the workers make it.
  void make_table() {
    catalog::Connection connection(system_conninfo());
    connection.exec("CREATE SCHEMA s");
    catalog::Table table;
    table.schema = "s";
    table.current_name = "t";
    table.main_name = "t__";
    table.history_name = "zzz___t___";
    table.sync_name = "zzz___t___sync";
    table.source_name = "src";
    table.columns = {{"id", "integer", catalog::PgType::int4}};
    table.key_columns = {"id"};
    {
      catalog::Transaction transaction(connection);
      catalog::create_table(connection, table);
      catalog::add_year(connection, table, 2026);
      transaction.commit();
    }
    connection.exec(
        "INSERT INTO s.t__ (__start, __end, __current, __origin, id) SELECT '2026-01-01',"
        " '9999-12-31 00:00:00+00', true, '', n FROM generate_series(1, 500) n; ANALYZE s.t;");
    catalog_->reload(connection);
  }
};

TEST_F(Tables, AreListedWithEstimatesThatLockNothing) {
  make_table();
  catalog::Connection blocker = database_.connect();
  catalog::Transaction transaction(blocker);
  blocker.exec("LOCK TABLE s.t__ IN ACCESS EXCLUSIVE MODE");
  const Reply reply = run("list tables");
  ASSERT_EQ(reply.rows.size(), 1U);
  EXPECT_EQ(reply.rows[0][0], "s");
  EXPECT_EQ(reply.rows[0][1], "t");
  EXPECT_EQ(reply.rows[0][2], "src");
  EXPECT_EQ(reply.rows[0][3], "500");
  EXPECT_GE(std::stoll(reply.rows[0][4].value_or("0")), 8192);
}

TEST_F(Tables, ThatAreManagedAreNotAlteredByPostgres) {
  make_table();
  EXPECT_TRUE(takes("alter table s.t__ add column c text"));
  EXPECT_TRUE(takes("alter table s.t__ alter column id type bigint"));
  EXPECT_FALSE(takes("alter table s.other__ add column c text"));
  EXPECT_FALSE(takes("alter table s.t add column c text"));
}

}  // namespace
}  // namespace metadb::tests
