// The examples of the documentation of Metadb 1.4 that its users know, typed one after the other.
// What works differently is in docs/differences.md.
#include <fstream>
#include <regex>
#include <sstream>

#include "grammar/classify.h"
#include "tests/server/tables_fixture.h"

namespace metadb::tests {
namespace {

struct TypedExample {
  std::string user;
  std::string sql;
  std::optional<int> rows;
};

// Statements with the directives of their comments.
std::vector<TypedExample> typed_examples() {
  std::ifstream input(METADB_SOURCE_DIR "/tests/server/metadb14/examples.sql");
  std::stringstream text;
  text << input.rdbuf();
  static const std::regex kAs("-- as (\\w+)\n");
  static const std::regex kRows("-- rows (\\d+)\n");
  static const std::regex kComment("^(--[^\n]*\n|\\s)*");
  std::vector<TypedExample> out;
  std::string user;
  const std::string all = text.str();
  for (const std::string_view statement : grammar::split(all)) {
    const std::string written(statement);
    std::smatch comments;
    std::regex_search(written, comments, kComment);
    const std::string head = comments.str();
    std::smatch match;
    if (std::regex_search(head, match, kAs)) user = match[1];
    TypedExample example{user, written.substr(head.size()), {}};
    if (std::regex_search(head, match, kRows)) example.rows = std::stoi(match[1]);
    out.push_back(std::move(example));
  }
  return out;
}

const TestField kIdField{"id", "int32", "", ""};
const TestField kJsonField{"jsonb", "string", "io.debezium.data.Json",
                           R"({"__debezium.source.column.type":"JSONB"})"};

class Metadb14 : public TablesTest {
 protected:
  Metadb14() {
    drop_users();
    run("create data origin west");
    run("create data origin east");
    add_tables();
    workers_->stop_all();
    // From here on data sources read nothing.
    workers_ = std::make_unique<ingest::Workers>(*catalog_, factory());
    commands_ = std::make_unique<server::Commands>(server::CommandParts{
        *catalog_, *workers_,
        [](const catalog::DataSource&, const catalog::Snapshot&,
           const std::stop_token&) -> std::optional<std::string> { return std::nullopt; }});
  }
  ~Metadb14() override {
    workers_->stop_all();
    drop_users();
  }

  // Of roles that belong to the whole server.
  void drop_users() {
    for (const char* name :
         {"wegg", "jane", "beatrice", "anna", "bob", "celia", "rosalind", "lisa"}) {
      if (superuser_.exec("SELECT FROM pg_roles WHERE rolname = $1", {name}).rows() == 0) continue;
      superuser_.exec(fmt::format("DROP OWNED BY {0} CASCADE; DROP ROLE {0}", name));
    }
  }

  // The row with `key` in a JSON object.
  void insert(const std::string& schema, const std::string& table,
              const std::vector<TestField>& columns, const std::string& row,
              int64_t ts_us = 1'650'231'745'000'000) {
    RowEvent event{.table = table, .ts_us = ts_us, .schema = schema};
    ingest::RecordedMessage message = recorded(event);
    const std::string source = fmt::format(
        R"({{"version":"3.4.1.Final","connector":"postgresql","name":"srv","ts_ms":{},"snapshot":"false",)"
        R"("db":"shop","sequence":null,"ts_us":{},"schema":"{}","table":"{}"}})",
        ts_us / 1000, ts_us, schema, table);
    static const std::regex kKey(R"re("id":([^,}]+))re");
    std::smatch id;
    std::regex_search(row, id, kKey);
    message.key = key_json({columns[0]}, "{" + id.str() + "}");
    message.value = change_json(columns, {.op = "c", .after = row, .source = source});
    topics_.add(std::move(message));
  }

  void add_tables() {
    const std::vector<TestField> group = {
        kIdField,
        {"groupname", "string", "", ""},
        {"description", "string", "", ""},
        {"jsondata", "string", kJsonField.semantic, kJsonField.parameters}};
    const auto add_group = [&](const char* schema, int id, const char* name, const char* what,
                               int64_t ts_us) {
      insert(schema, "patrongroup", group,
             fmt::format(R"({{"id":{},"groupname":"{}","description":"{}","jsondata":)"
                         R"("{{\"groupname\":\"{}\",\"description\":\"{}\"}}"}})",
                         id, name, what, name, what),
             ts_us);
    };
    add_group("west_library", 15, "undergrad", "Student", 1'650'231'745'000'000);
    add_group("west_library", 15, "undergrad", "Undergraduate Student", 1'650'310'038'000'000);
    add_group("east_library", 10, "graduate", "Graduate Student", 1'650'231'745'000'000);
    add_group("east_library", 9, "faculty", "Faculty Member", 1'650'232'373'000'000);
    add_group("east_library", 12, "staff", "Staff Member", 1'650'232'373'000'000);
    insert("library", "patron", {kIdField, {"patrongroup_id", "string", "", ""}},
           R"({"id":1,"patrongroup_id":"0a000000-0000-0000-0000-000000000001"})");
    insert("library", "inventory",
           {kIdField, {"jsondata", "string", kJsonField.semantic, kJsonField.parameters}},
           R"({"id":1,"jsondata":"{\"metadata\":{},\"tags\":{\"tagList\":[]}}"})");
    for (const char* table : {"table1", "table2"})
      insert("library", table, {kIdField}, R"({"id":1})");
    insert("folio_circulation", "loan__t",
           {kIdField,
            {"item_id", "string", "io.debezium.data.Uuid", ""},
            {"loan_date", "string", "io.debezium.time.ZonedTimestamp", ""}},
           R"({"id":1,"item_id":"0b000000-0000-0000-0000-000000000001",)"
           R"("loan_date":"2023-05-01T10:00:00Z"})");
    insert("folio_users", "groups", {kIdField, kJsonField},
           R"({"id":1,"jsonb":"{\"group\":\"staff\"}"})");
    insert("folio_users", "groups__t",
           {kIdField, {"group", "string", "", ""}, {"desc", "string", "", ""}},
           R"({"id":1,"group":"staff","desc":"Staff"})");
    insert("folio_inventory", "instance", {kIdField, kJsonField},
           R"({"id":1,"jsonb":"{\"instanceFormatIds\":[\"a\",\"b\"]}"})");
    insert("folio_inventory", "holdings_record", {kIdField, kJsonField},
           R"({"id":1,"jsonb":"{\"notes\":[{\"note\":\"n\",\"staffOnly\":true}]}"})");
    EXPECT_TRUE(catches_up());
  }

  // The number of rows that it returns.
  int type(const TypedExample& example) {
    const grammar::Statement statement = grammar::parse(example.sql);
    const auto* parsed = std::get_if<grammar::Parsed>(&statement);
    const server::Caller caller{.user = example.user, .database = database_.name()};
    if (parsed != nullptr && commands_->takes(parsed->command, caller)) {
      return static_cast<int>(run_as(example.user, example.sql).rows.size());
    }
    EXPECT_FALSE(std::holds_alternative<grammar::SyntaxError>(statement)) << example.sql;
    catalog::Connection connection(
        catalog::conninfo_with(database_.conninfo(), {{"user", example.user}}));
    return connection.exec(example.sql).rows();
  }
};

TEST_F(Metadb14, ExamplesOfItsDocumentationWork) {
  const std::vector<TypedExample> examples = typed_examples();
  EXPECT_GT(examples.size(), 100U);
  for (const TypedExample& example : examples) {
    try {
      const int rows = type(example);
      EXPECT_EQ(rows, example.rows.value_or(rows)) << example.sql;
    } catch (const catalog::Error& error) {
      ADD_FAILURE() << example.user << ": " << example.sql << "\n" << described(error);
    }
  }
}

}  // namespace
}  // namespace metadb::tests
