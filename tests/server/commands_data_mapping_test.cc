#include <thread>

#include "tests/fakes/eventually.h"
#include "tests/server/commands_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DataMapping : public CommandsTest {
 protected:
  DataMapping() {
    catalog::Connection connection(system_conninfo());
    connection.exec("CREATE SCHEMA lib");
    catalog::Table table;
    table.schema = "lib";
    table.current_name = "inventory";
    table.main_name = "inventory__";
    table.history_name = "zzz___inventory___";
    table.sync_name = "zzz___inventory___sync";
    table.source_name = "src";
    table.columns = {{"id", "integer", catalog::PgType::int4},
                     {"jsondata", "jsonb", catalog::PgType::jsonb},
                     {"note", "text", catalog::PgType::text}};
    table.key_columns = {"id"};
    catalog::Transaction transaction(connection);
    catalog::create_table(connection, table);
    transaction.commit();
    connection.exec("CREATE TABLE lib.other__ (jsondata jsonb)");
    catalog_->reload(connection);
  }

  static std::string mapping(const std::string& path, const std::string& id,
                             const std::string& column = "jsondata",
                             const std::string& table = "lib.inventory__") {
    return "create data mapping for json from table " + table + " column " + column + " path '" +
           path + "' to '" + id + "'";
  }
  static std::string unmapping(const std::string& path,
                               const std::string& table = "lib.inventory__") {
    return "drop data mapping for json from table " + table + " column jsondata path '" + path +
           "'";
  }
  std::vector<std::string> messages() const {
    std::vector<std::string> out;
    for (const server::Notice& notice : notices_) {
      EXPECT_EQ(notice.severity, "WARNING");
      EXPECT_EQ(notice.sqlstate, "01000");
      out.push_back(notice.message + (notice.detail.empty() ? "" : "; " + notice.detail));
    }
    return out;
  }
};

TEST_F(DataMapping, IsStoredAndPublished) {
  EXPECT_EQ(run(mapping("$", "t")).tag, "CREATE DATA MAPPING");
  EXPECT_THAT(messages(), IsEmpty());
  run(mapping("$.\"metadata\"", "metadata"));
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_THAT(
      run("list data_mappings").rows,
      ElementsAre(ElementsAre("json", "lib.inventory__", "jsondata", "$", "t"),
                  ElementsAre("json", "lib.inventory__", "jsondata", "$.metadata", "metadata")));
  EXPECT_EQ(catalog_->snapshot()->json_mappings.size(), 2U);
}

TEST_F(DataMapping, WithoutItsParentsIsWarnedOf) {
  run(mapping("$.a.b", "b"));
  EXPECT_THAT(messages(),
              ElementsAre("path \"$.a.b\" has no effect until its parents are mapped too; Not "
                          "mapped: \"$\", \"$.a\"."));
  // Those of another column are no parents.
  run(mapping("$", "n", "note"));
  run(mapping("$.a", "a"));
  EXPECT_THAT(messages(), ElementsAre(HasSubstr("Not mapped: \"$\".")));
}

TEST_F(DataMapping, APathIsTakenOncePerColumnAndAnIdOncePerTable) {
  run(mapping("$", "t"));
  const Error same_path = failure(mapping("$", "u"));
  EXPECT_EQ(same_path.sqlstate, "42710");
  EXPECT_EQ(same_path.message(),
            "path \"$\" of column \"jsondata\" of table \"lib.inventory__\" is already mapped to "
            "\"t\"");
  EXPECT_EQ(failure(mapping("$.a", "t")).sqlstate, "42710");
  const Error same_id = failure(mapping("$", "t", "note"));
  EXPECT_EQ(same_id.sqlstate, "42710");
  EXPECT_EQ(same_id.message(), same_path.message());
  run(mapping("$", "n", "note"));
}

TEST_F(DataMapping, NeedsAManagedTableAndAColumnThatMayHoldJson) {
  const std::string unknown = mapping("$", "t", "jsondata", "lib.nothing__");
  EXPECT_EQ(failure(unknown).sqlstate, "42P01");
  EXPECT_EQ(failure(unknown).position, static_cast<int>(unknown.find("lib.")) + 1);
  EXPECT_EQ(failure(mapping("$", "t", "jsondata", "lib.other__")).sqlstate, "42809");
  EXPECT_EQ(failure(mapping("$", "t", "jsondata", "lib.inventory")).sqlstate, "42809");
  EXPECT_EQ(failure(mapping("$", "t", "nothing")).sqlstate, "42703");
  EXPECT_EQ(failure(mapping("$", "t", "id")).sqlstate, "42804");
  EXPECT_THAT(run("list data_mappings").rows, IsEmpty());
}

TEST_F(DataMapping, PathAndIdArePointedAtWhenTheyAreWrong) {
  const std::string path = mapping("$.a[0]", "t");
  EXPECT_EQ(failure(path).sqlstate, "22023");
  EXPECT_EQ(failure(path).position, static_cast<int>(path.find("'$.a")) + 1);
  const std::string id = mapping("$", "Tags");
  EXPECT_EQ(failure(id).sqlstate, "42602");
  EXPECT_EQ(failure(id).position, static_cast<int>(id.find("'Tags")) + 1);
}

TEST_F(DataMapping, NeedsAKeyThatNamesTheRoots) {
  superuser_.exec("UPDATE metadb.managed_table SET key_columns = '{}'");
  const Error error = failure(mapping("$", "t"));
  EXPECT_EQ(error.sqlstate, "55000");
  EXPECT_EQ(error.message(), "table \"lib.inventory__\" has no key");
}

TEST_F(DataMapping, IsDroppedInWhateverSpellingOfItsPath) {
  run(mapping("$", "t"));
  run(mapping("$.a", "a"));
  run(mapping("$.a.b", "b"));
  EXPECT_EQ(run(unmapping("$.\"a\"")).tag, "DROP DATA MAPPING");
  EXPECT_THAT(messages(),
              ElementsAre("paths below the dropped one have no effect without it; Still mapped: "
                          "\"$.a.b\"."));
  EXPECT_EQ(catalog_->snapshot()->json_mappings.size(), 2U);
  const Error gone = failure(unmapping("$.a"));
  EXPECT_EQ(gone.sqlstate, "42704");
  EXPECT_EQ(gone.message(),
            "path \"$.a\" of column \"jsondata\" of table \"lib.inventory__\" is not mapped");
}

// Its table was dropped by hand.
TEST_F(DataMapping, OfATableThatIsGoneCanBeDropped) {
  superuser_.exec("INSERT INTO metadb.transform_json VALUES ('lib', 'gone', 'jsondata', '$', 't')");
  run(unmapping("$", "lib.gone__"));
  EXPECT_EQ(only("SELECT count(*) FROM metadb.transform_json"), "0");
}

class DeadLetters : public CommandsTest {
 protected:
  void set_aside(const std::string& source, int letters) {
    superuser_.exec(
        "INSERT INTO metadb.dead_letter (source_name, topic, part, \"offset\", sqlstate, error)"
        " SELECT $1, 't', 0, n, '22P02', 'bad' FROM generate_series(1, $2) n",
        {source, std::to_string(letters)});
  }
};

TEST_F(DeadLetters, ArePurgedInPiecesAndCounted) {
  set_aside("one", 2500);
  set_aside("two", 1);
  EXPECT_EQ(run("purge dead letters for data source one").tag, "PURGE DEAD LETTERS");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].message, "2500 dead letters purged");
  EXPECT_EQ(only("SELECT string_agg(source_name, ' ') FROM metadb.dead_letter"), "two");
  run("purge dead letters");
  EXPECT_EQ(notices_.at(0).message, "1 dead letter purged");
  run("purge dead letters");
  EXPECT_EQ(notices_.at(0).message, "0 dead letters purged");
}

TEST_F(DeadLetters, OfASourceThatNobodyKnowsAreAnError) {
  const Error error = failure("purge dead letters for data source s");
  EXPECT_EQ(error.sqlstate, "42704");
  EXPECT_EQ(error.message(), "data source \"s\" does not exist");
  run(kCreate);
  run("purge dead letters for data source s");
}

TEST_F(DeadLetters, PurgeThatIsCanceledSaysHowFarItCame) {
  set_aside("one", 2500);
  // The third piece waits for somebody.
  catalog::Connection holder = database_.connect();
  catalog::Transaction transaction(holder);
  holder.exec("SELECT FROM metadb.dead_letter WHERE \"offset\" = 2400 FOR UPDATE");
  std::jthread canceling([&] {
    eventually([&] { return somebody_waits_for_a_lock(superuser_); });
    stop_.request_stop();
  });
  EXPECT_EQ(failure("purge dead letters").sqlstate, "57014");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].message, "2000 dead letters purged");
}

}  // namespace
}  // namespace metadb::tests
