// SYNC and ENDSYNC DATA SOURCE, with a worker that reads the topics.
#include <fmt/format.h>

#include "catalog/sweep.h"
#include "server/auto_endsync.h"
#include "tests/server/tables_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Synchronization : public TablesTest {
 protected:
  // A row of the snapshot that server `srv` sends; the topic is named for it.
  RowEvent row(int id, const std::string& value, const std::string& table = "t") {
    return {.table = table,
            .op = 'r',
            .id = id,
            .value = value,
            .ts_us = now_us(),
            .snapshot = "true",
            .server = server_};
  }
  void read(int id, const std::string& value, const std::string& table = "t") {
    topics_.add(row(id, value, table));
  }
  // In the given transaction of the source.
  void read_in(uint64_t transaction, int id, const std::string& value,
               const std::string& table = "t") {
    RowEvent event = row(id, value, table);
    event.transaction = transaction;
    topics_.add(event);
  }
  void stream(int id, const std::string& value, char op = 'u', const std::string& table = "t") {
    RowEvent event = row(id, value, table);
    event.op = op;
    event.snapshot = "false";
    topics_.add(event);
  }
  int64_t now_us() { return 1'700'000'000'000'000 + ++clock_ * 1'000'000; }
  // A connector made anew: another topic prefix, another snapshot.
  void new_connector(const std::string& server) { server_ = server; }

  bool is_complete() {
    return eventually([&] { return listed("status", "state") == "snapshot complete"; });
  }
  // A table of five rows whose initial synchronization has ended.
  void synchronize() {
    for (int id = 1; id <= 5; ++id) read(id, "v" + std::to_string(id));
    stream(1, "v1");
    ASSERT_TRUE(catches_up());
    ASSERT_TRUE(is_complete());
    run("endsync data source s");
    ASSERT_EQ(listed("status", "source_sync"), "none");
  }
  std::vector<std::string> messages() {
    std::vector<std::string> out;
    for (const server::Notice& notice : notices_) out.push_back(notice.message);
    return out;
  }
  std::vector<std::string> history() {
    return rows(
        "SELECT id, v, __current, extract(epoch FROM __end - '2023-11-14 22:13:20+00')::int "
        "FROM public.t__ WHERE NOT __current ORDER BY id, __id");
  }
  int64_t marks() { return std::stoll(only("SELECT count(*) FROM public.zzz___t___sync")); }

  std::string server_ = "srv";
};

TEST_F(Synchronization, NewSourceIsInItsInitialOneUntilEndsync) {
  EXPECT_EQ(listed("status", "source_sync"), "initial");
  for (int id = 1; id <= 3; ++id) read(id, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(listed("status", "state"), "snapshot");
  EXPECT_TRUE(eventually([&] { return listed("status", "snapshot_rows") == "3"; }));
  stream(1, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
  ASSERT_TRUE(is_complete());
  EXPECT_EQ(only("SELECT signal FROM metadb.synchronization"), "first streaming event");
  EXPECT_EQ(run("endsync data source s").tag, "ENDSYNC DATA SOURCE");
  EXPECT_EQ(listed("status", "source_sync"), "none");
  EXPECT_TRUE(eventually([&] { return listed("status", "state") == "streaming"; }));
  EXPECT_EQ(type_of("v"), "uuid") << "inferred types are refreshed";
  const Error again = failure("endsync data source s");
  EXPECT_EQ(again.sqlstate, "55000");
  EXPECT_EQ(again.message(), "data source \"s\" is not synchronizing");
}

TEST_F(Synchronization, InitialOneMayEndBeforeItsSnapshotIsComplete) {
  read(1, "a");
  ASSERT_TRUE(catches_up());
  run("endsync data source s");
  EXPECT_THAT(messages(), Contains(HasSubstr("has not come to the end of its snapshot")));
  EXPECT_EQ(listed("status", "source_sync"), "none");
}

TEST_F(Synchronization, UnknownSourceIsAnError) {
  EXPECT_EQ(failure("sync data source nobody").sqlstate, "42704");
  EXPECT_EQ(failure("endsync data source nobody").sqlstate, "42704");
}

TEST_F(Synchronization, ThatCannotBeginChangesNothing) {
  synchronize();
  {
    catalog::Connection blocker = database_.connect();
    const catalog::Transaction transaction(blocker);
    blocker.exec("SELECT FROM metadb.source FOR UPDATE");
    EXPECT_EQ(failure("sync data source s").sqlstate, "55P03");
  }
  EXPECT_EQ(listed("status", "source_sync"), "none");
  stream(1, "goes on");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(current(), Contains("1|goes on"));
}

TEST_F(Synchronization, IsForAdministrators) {
  create_role("user");
  EXPECT_EQ(failure_as(role("user"), "sync data source s").sqlstate, "42501");
  EXPECT_EQ(failure_as(role("user"), "endsync data source s").sqlstate, "42501");
}

// Rows 2 was changed, 3 deleted and 6 inserted while nobody looked.
TEST_F(Synchronization, ResyncMakesTheTableTheSourceAgain) {
  synchronize();
  run("sync data source s");
  EXPECT_EQ(listed("status", "source_sync"), "resync");
  new_connector("srv2");
  for (const auto& [id, value] : std::vector<std::pair<int, std::string>>{
           {1, "v1"}, {2, "new"}, {4, "v4"}, {5, "v5"}, {6, "v6"}})
    read(id, value);
  stream(4, "streamed");
  ASSERT_TRUE(is_complete());
  EXPECT_THAT(current(), ElementsAre("1|v1", "2|new", "3|v3", "4|streamed", "5|v5", "6|v6"))
      << "it serves meanwhile";
  run("endsync data source s");
  EXPECT_THAT(messages(), Contains(HasSubstr("1 of 6 current rows ended")));
  EXPECT_THAT(current(), ElementsAre("1|v1", "2|new", "4|streamed", "5|v5", "6|v6"));
  // The snapshot begins 7 s after the first: row 3 ends then, row 2 a second later, when it was
  // read.
  EXPECT_THAT(history(), ElementsAre("2|v2|f|8", "3|v3|f|7", "4|v4|f|12"));
  EXPECT_EQ(marks(), 0);
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
  stream(3, "back", 'c');
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(current(), Contains("3|back"));
}

TEST_F(Synchronization, AsksAboveAFifthAndChangesNothing) {
  synchronize();
  run("sync data source s");
  new_connector("srv2");
  for (int id = 1; id <= 3; ++id) read(id, "v" + std::to_string(id));
  stream(1, "v1");
  ASSERT_TRUE(is_complete());
  const auto before = everything();
  const Error refused = failure("endsync data source s");
  EXPECT_EQ(refused.sqlstate, "55000");
  EXPECT_THAT(refused.detail, HasSubstr("2 of 5 current rows (40 %) of table \"public\".\"t\""));
  EXPECT_THAT(refused.hint, HasSubstr("FORCE"));
  EXPECT_EQ(everything(), before);
  EXPECT_EQ(current().size(), 5U);
  EXPECT_EQ(listed("status", "source_sync"), "resync");
  run("endsync data source s force");
  EXPECT_THAT(current(), ElementsAre("1|v1", "2|v2", "3|v3"));
}

TEST_F(Synchronization, AFifthNeedsNoWord) {
  synchronize();
  run("sync data source s");
  new_connector("srv2");
  for (int id = 1; id <= 4; ++id) read(id, "v" + std::to_string(id));
  stream(1, "v1");
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  EXPECT_EQ(current().size(), 4U);
}

TEST_F(Synchronization, TableWithoutRowsOfTheSnapshotStaysUnlessItIsNamed) {
  read(1, "a", "other");
  synchronize();
  for (const char* end : {"endsync data source s",
                          "endsync data source s force sweep table "
                          "public.other"}) {
    run("sync data source s");
    new_connector(server_ + "x");
    for (int id = 1; id <= 5; ++id) read(id, "v" + std::to_string(id));
    stream(1, "v1");
    ASSERT_TRUE(is_complete());
    run(end);
    const bool is_named = std::string(end).ends_with("other");
    EXPECT_EQ(only("SELECT count(*) FROM public.other"), is_named ? "0" : "1") << end;
    if (is_named) continue;
    EXPECT_THAT(messages(), Contains(HasSubstr("1 tables are left as they are")));
  }
  EXPECT_EQ(current().size(), 5U);
  EXPECT_EQ(failure("endsync data source s sweep table public.nothing").sqlstate, "55000");
  run("sync data source s");
  EXPECT_EQ(failure("endsync data source s sweep table public.nothing").sqlstate, "42P01");
}

TEST_F(Synchronization, IncompleteSnapshotIsNotEnded) {
  synchronize();
  run("sync data source s");
  new_connector("srv2");
  for (int id = 1; id <= 5; ++id) read(id, "v" + std::to_string(id));
  ASSERT_TRUE(catches_up());
  const Error refused = failure("endsync data source s");
  EXPECT_EQ(refused.sqlstate, "55000");
  EXPECT_THAT(refused.detail, HasSubstr("not known to be complete"));
  run("endsync data source s force");
  EXPECT_EQ(current().size(), 5U);
}

TEST_F(Synchronization, RecordThatWasSetAsideMayHaveConfirmedARow) {
  synchronize();
  run("sync data source s");
  new_connector("srv2");
  for (int id = 1; id <= 4; ++id) read(id, "v" + std::to_string(id));
  ingest::RecordedMessage bad = recorded(row(5, "v5"));
  bad.value = "{";
  topics_.add(bad);
  stream(1, "v1");
  ASSERT_TRUE(is_complete());
  EXPECT_THAT(failure("endsync data source s").detail, HasSubstr("1 records were set aside"));
}

// The rows that the topic has of it were read before SYNC: they are read again, and marked.
TEST_F(Synchronization, SnapshotThatHasBegunInTheSameTopicIsReadFromItsBeginning) {
  synchronize();
  read(1, "v1");
  read(2, "v2");
  ASSERT_TRUE(catches_up());
  run("sync data source s");
  EXPECT_THAT(notices_,
              Contains(Field(&server::Notice::detail, HasSubstr("Read again: topics srv"))));
  for (int id = 3; id <= 5; ++id) read(id, "v" + std::to_string(id));
  stream(1, "v1");
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  EXPECT_THAT(messages(), Contains(HasSubstr("0 of 5 current rows ended")));
  EXPECT_EQ(current().size(), 5U);
  EXPECT_THAT(history(), IsEmpty()) << "identical rows make no versions";
}

// Behind streaming events it can't be read again; what it confirmed is unknown.
TEST_F(Synchronization, SnapshotThatWasReadBeforeSyncSweepsNothing) {
  synchronize();
  for (int id = 1; id <= 4; ++id) read(id, "v" + std::to_string(id));
  stream(1, "v1");
  ASSERT_TRUE(catches_up());
  run("sync data source s");
  read(5, "v5");
  stream(1, "v1");
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  EXPECT_THAT(messages(), Contains(HasSubstr("1 tables are left as they are")));
  EXPECT_EQ(current().size(), 5U);
}

TEST_F(Synchronization, OldEventsOfTheTopicConfirmNothing) {
  synchronize();
  run("pause data source s");
  stream(5, "late");  // before the slot was lost; the row is deleted then
  run("sync data source s");
  run("resume data source s");
  clock_ += 100;
  for (int id = 1; id <= 4; ++id) read(id, "v" + std::to_string(id));
  stream(1, "v1");
  ASSERT_TRUE(is_complete());
  EXPECT_THAT(current(), Contains("5|late"));
  run("endsync data source s");
  EXPECT_THAT(current(), ElementsAre("1|v1", "2|v2", "3|v3", "4|v4"));
}

TEST_F(Synchronization, RowsWithoutKeyAreConfirmedByTheirImage) {
  const auto keyless = [&](char op, int id, const std::string& value) {
    RowEvent event = row(id, value);
    event.op = op;
    event.is_keyless = true;
    event.snapshot = op == 'r' ? "true" : "false";
    topics_.add(event);
  };
  for (const int id : {1, 1, 1, 2, 3, 4, 5, 6}) keyless('r', id, "v");
  keyless('c', 7, "v");
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  run("sync data source s");
  new_connector("srv2");
  for (const int id : {1, 1, 2, 2, 3, 4, 5, 6, 7}) keyless('r', id, "v");
  keyless('c', 8, "v");
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  EXPECT_THAT(current(),
              ElementsAre("1|v", "1|v", "2|v", "2|v", "3|v", "4|v", "5|v", "6|v", "7|v", "8|v"));
  EXPECT_EQ(history().size(), 1U) << "the third row 1";
}

// The rows of the snapshot before would confirm what has gone since.
TEST_F(Synchronization, SyncInPlaceOfEndsyncDoesNotGoBackToACompleteSnapshot) {
  for (int id = 1; id <= 5; ++id) read(id, "v" + std::to_string(id));
  RowEvent last = row(6, "v6");
  last.snapshot = "last";
  topics_.add(last);
  ASSERT_TRUE(is_complete());
  run("sync data source s");
  EXPECT_EQ(listed("status", "source_sync"), "resync");
  new_connector("srv2");
  for (int id = 1; id <= 5; ++id) read(id, "v" + std::to_string(id));
  stream(1, "v1");
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  EXPECT_EQ(current().size(), 5U);
}

TEST_F(Synchronization, EndsyncForgetsWhereItsSnapshotBegan) {
  synchronize();
  stream(2, "more");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(only("SELECT count(*) FROM metadb.ingest_position WHERE snapshot_begin IS NOT NULL"),
            "0");
}

TEST_F(Synchronization, TwoThatEndItAtOnceEndNoRowTwice) {
  synchronize();
  run("sync data source s");
  new_connector("srv2");
  for (int id = 1; id <= 5; ++id) read(id, "v" + std::to_string(id));
  stream(1, "v1");
  ASSERT_TRUE(is_complete());
  catalog::Connection system = catalog_->connect();
  const auto snapshot = catalog_->snapshot();
  const catalog::SweepTarget target{snapshot->source_tables.begin()->first,
                                    *snapshot->tables.at({"public", "t"}), "",
                                    snapshot->sources.at("s").generation, 1'800'000'000'000'000};
  catalog::SweepPlace place = catalog::begin_sweep(system, target);
  run("endsync data source s");
  catalog::Transaction transaction(system);
  EXPECT_THROW(catalog::sweep_some(system, target, place), Error) << "its marks are gone";
}

TEST_F(Synchronization, RowsOfDocumentsEndWithTheirRecord) {
  const auto document = [](int n) { return R"({\"n\": )" + std::to_string(n) + "}"; };
  run("alter data source s options (add table_stop_filter 'nothing')");
  read(1, document(1));
  ASSERT_TRUE(catches_up());
  run("create data mapping for json from table public.t__ column v path '$' to 'x'");
  for (int id = 1; id <= 5; ++id) stream(id, document(id + 1));
  ASSERT_TRUE(catches_up());
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  ASSERT_EQ(only("SELECT count(*) FROM public.t__x"), "5");
  run("sync data source s");
  new_connector("srv2");
  for (int id = 1; id <= 4; ++id) read(id, document(id + 1));
  stream(1, document(2));
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  EXPECT_EQ(current().size(), 4U);
  EXPECT_THAT(rows("SELECT __root__id, n FROM public.t__x ORDER BY 1"),
              ElementsAre("1|2", "2|3", "3|4", "4|5"));
  EXPECT_EQ(only("SELECT count(*) FROM public.t__x__ WHERE NOT __current AND __root__id = 5"), "1");
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
}

// As after a change of the key, before they are purged: which of them have a root is unknown.
TEST_F(Synchronization, RowsOfDocumentsThatNameTheirRootsByAnotherKeyAreLeft) {
  const std::string document = R"({\"n\": 1})";
  run("alter data source s options (add table_stop_filter 'nothing')");
  read(1, document);
  ASSERT_TRUE(catches_up());
  run("create data mapping for json from table public.t__ column v path '$' to 'x'");
  for (int id = 1; id <= 5; ++id) stream(id, document + " ");
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  run("sync data source s");
  new_connector("srv2");
  for (int id = 1; id <= 4; ++id) read(id, document + " ");
  stream(1, document + " ");
  ASSERT_TRUE(is_complete());
  superuser_.exec("UPDATE metadb.managed_table SET key_columns = '{id,v}' WHERE table_name = 't'");
  run("endsync data source s");
  EXPECT_THAT(notices_, testing::Contains(
                            testing::Field(&server::Notice::message, HasSubstr("are not swept"))));
  EXPECT_EQ(only("SELECT count(*) FROM public.t"), "4");
  EXPECT_EQ(only("SELECT count(*) FROM public.t__x"), "5");
}

TEST_F(Synchronization, SyncAgainBeginsAnew) {
  synchronize();
  run("sync data source s");
  new_connector("srv2");
  for (int id = 1; id <= 5; ++id) read(id, "v" + std::to_string(id));
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(marks(), 5);
  run("sync data source s");  // that connector is given up, row 5 deleted
  new_connector("srv3");
  topics_.edit([](std::vector<ingest::RecordedMessage>& log) {
    std::erase_if(log, [](const auto& message) { return message.topic.starts_with("srv2"); });
  });
  for (int id = 1; id <= 4; ++id) read(id, "v" + std::to_string(id));
  stream(1, "v1");
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  EXPECT_THAT(current(), ElementsAre("1|v1", "2|v2", "3|v3", "4|v4"));
}

// What a topic held before it was replaced is no position in it.
TEST_F(Synchronization, ReplacedTopicGoesOn) {
  synchronize();
  run("pause data source s");
  topics_.edit([](std::vector<ingest::RecordedMessage>& log) {
    for (auto& message : log) message.value = *message.value + " ";
  });
  run("resume data source s");
  ASSERT_TRUE(eventually([&] { return listed("status", "state") == "needs resync"; }));
  run("sync data source s");
  EXPECT_TRUE(eventually([&] { return listed("status", "state") != "needs resync"; }));
  ASSERT_TRUE(catches_up());
}

TEST_F(Synchronization, TableThatSomebodyDroppedIsMadeAnew) {
  synchronize();
  superuser_.exec("DROP TABLE public.t__ CASCADE; DROP TABLE public.zzz___t___sync");
  stream(1, "after");
  ASSERT_TRUE(eventually([&] { return listed("status", "state") == "needs resync"; }));
  run("sync data source s");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(current().size(), 5U);
}

TEST_F(Synchronization, EndsByItselfWhereTheSourceIsToldSo) {
  server::AutoEndsync automatic({*catalog_, *workers_, *commands_});
  run("alter data source s options (add endsync 'auto')");
  for (int id = 1; id <= 5; ++id) read(id, "v" + std::to_string(id));
  stream(1, "v1");
  EXPECT_TRUE(eventually([&] { return listed("status", "source_sync") == "none"; }));
  run("sync data source s");
  new_connector("srv2");
  read(1, "v1");
  stream(1, "v1");
  ASSERT_TRUE(is_complete());
  EXPECT_EQ(listed("status", "source_sync"), "resync") << "four of five rows would end";
  automatic.request_stop();
}

TEST_F(Synchronization, OptionsAreChecked) {
  const auto with = [](const std::string& option) {
    return "alter data source s options (add " + option + ")";
  };
  EXPECT_EQ(failure(with("endsync 'never'")).sqlstate, "22023");
  EXPECT_EQ(failure(with("snapshot_deadline 'soon'")).sqlstate, "22023");
  EXPECT_EQ(failure(with("snapshot_deadline '0h'")).sqlstate, "22023");
  run(with("snapshot_deadline '90min'"));
}

// A connector is stopped in the midst of its initial snapshot; the source goes on; it begins anew.
TEST_F(Synchronization, InitialOneThatWasBegunAnewEndsWhatHasGoneInBetween) {
  for (int id = 1; id <= 5; ++id) read_in(1, id, "v" + std::to_string(id));
  read_in(1, 1, "left", "other");
  for (const int id : {1, 2, 4, 5}) read_in(2, id, "v" + std::to_string(id));
  stream(4, "streamed");
  stream(6, "new", 'c');
  ASSERT_TRUE(catches_up());
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  EXPECT_THAT(messages(), Contains(HasSubstr("1 of 6 current rows ended")));
  EXPECT_THAT(messages(), Contains(HasSubstr("1 tables are left as they are")));
  EXPECT_THAT(current(), ElementsAre("1|v1", "2|v2", "4|streamed", "5|v5", "6|new"));
  EXPECT_EQ(only("SELECT count(*) FROM public.other"), "1");
  EXPECT_EQ(marks(), 0);
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
}

TEST_F(Synchronization, InitialOneThatWasBegunAnewAsksAboveAFifth) {
  for (int id = 1; id <= 5; ++id) read_in(1, id, "v" + std::to_string(id));
  read_in(2, 1, "v1");
  stream(1, "v1");
  ASSERT_TRUE(catches_up());
  ASSERT_TRUE(is_complete());
  EXPECT_EQ(failure("endsync data source s").sqlstate, "55000");
  EXPECT_EQ(listed("status", "source_sync"), "initial");
  EXPECT_EQ(current().size(), 5U);
  run("endsync data source s force");
  EXPECT_THAT(current(), ElementsAre("1|v1"));
}

TEST_F(Synchronization, TablesOfASnapshotAreListedWhileItIsOnItsWay) {
  read(1, "a");
  read(2, "b");
  read(1, "c", "other");
  ASSERT_TRUE(catches_up());
  const server::Reply tables = run("list snapshot_tables");
  ASSERT_EQ(tables.rows.size(), 2U);
  EXPECT_EQ(tables.rows[0][3], "other");
  EXPECT_EQ(tables.rows[0][4], "1");
  EXPECT_EQ(tables.rows[0][5], std::nullopt) << "nothing tells how many there will be";
  EXPECT_EQ(tables.rows[1][3], "t");
  EXPECT_EQ(tables.rows[1][4], "2");
  EXPECT_TRUE(eventually([&] { return listed("status", "snapshot_bytes")->size() > 2; }));
  stream(1, "a");
  ASSERT_TRUE(is_complete());
  run("endsync data source s");
  EXPECT_THAT(run("list snapshot_tables").rows, IsEmpty());
}

TEST_F(Synchronization, DeadlineEndsASnapshotThatSaysNothing) {
  run("alter data source s options (add snapshot_deadline '1s')");
  read(1, "a");
  ASSERT_TRUE(catches_up());
  ASSERT_TRUE(is_complete());
  EXPECT_EQ(only("SELECT signal FROM metadb.synchronization"), "deadline exceeded");
}

}  // namespace
}  // namespace metadb::tests
