#include "ingest/snapshot_watch.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/ingest/changes.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using catalog::SyncMode;
using ingest::Change;
using ingest::Confirmation;
using ingest::Message;
using ingest::Notification;
using ingest::Op;
using ingest::SnapshotEnds;
using ingest::SnapshotMark;
using ingest::SnapshotWatch;

constexpr int64_t kFirstMs = 1'000'000;

class Watch : public testing::Test {
 protected:
  SnapshotWatch watch(SyncMode mode) {
    catalog::Synchronization state;
    state.mode = mode;
    state.generation = 7;
    return {"src", state, clock_};
  }
  static Change change(Op op, SnapshotMark mark, const std::string& server = "srv",
                       const std::string& table = "t") {
    Change out;
    out.op = op;
    out.snapshot = mark;
    out.ts_us = 5'000;
    out.table = std::make_shared<const ingest::EventTable>(
        ingest::EventTable{server, "shop", "public", table});
    return out;
  }
  static Message at(int64_t record_ms) {
    Message out;
    out.timestamp_ms = record_ms;
    out.key = "key";
    out.value = "value";
    return out;
  }
  // As a stream does with an event that it applies.
  void apply(SnapshotWatch& watch, const Change& change, int64_t record_ms) {
    watch.see(change, at(record_ms), news_);
    watch.count(change, at(record_ms), news_);
  }
  void read(SnapshotWatch& watch, SnapshotMark mark, const std::string& server = "srv",
            int64_t record_ms = kFirstMs) {
    apply(watch, change(Op::read, mark, server), record_ms);
  }
  void stream(SnapshotWatch& watch, int64_t record_ms, const std::string& server = "srv") {
    apply(watch, change(Op::create, SnapshotMark::streaming, server), record_ms);
  }
  std::string signal_after_commit(SnapshotWatch& watch) {
    watch.committed(std::exchange(news_, {}));
    return watch.signal();
  }

  ingest::SnapshotMemory clock_;
  catalog::SnapshotNews news_;  // collected for the next batch
};

TEST_F(Watch, LastMarkerIsASignalOnceItIsCommitted) {
  SnapshotWatch watch = this->watch(SyncMode::initial);
  read(watch, SnapshotMark::first);
  EXPECT_EQ(signal_after_commit(watch), "");
  read(watch, SnapshotMark::last);
  EXPECT_EQ(watch.signal(), "") << "its batch may be lost";
  EXPECT_EQ(signal_after_commit(watch), "last record of the snapshot");
}

TEST_F(Watch, LostBatchTakesItsSignalAlong) {
  SnapshotWatch watch = this->watch(SyncMode::initial);
  read(watch, SnapshotMark::last);
  news_ = {};
  EXPECT_EQ(signal_after_commit(watch), "");
}

TEST_F(Watch, OneRowSnapshotOfAnOldConnectorEndsWithTheFirstStreamingEvent) {
  SnapshotWatch watch = this->watch(SyncMode::initial);
  read(watch, SnapshotMark::in_snapshot);
  stream(watch, kFirstMs + 1);
  EXPECT_EQ(signal_after_commit(watch), "first streaming event");
}

TEST_F(Watch, EmptySnapshotEndsWithTheFirstStreamingEvent) {
  SnapshotWatch watch = this->watch(SyncMode::initial);
  stream(watch, kFirstMs);
  EXPECT_EQ(signal_after_commit(watch), "first streaming event");
}

// The topics may still hold what the connector before has written.
TEST_F(Watch, StreamingEventBeforeTheRowsOfAResyncIsNoSignal) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  stream(watch, kFirstMs - 1);
  EXPECT_EQ(signal_after_commit(watch), "");
  read(watch, SnapshotMark::in_snapshot);
  EXPECT_EQ(signal_after_commit(watch), "");
  stream(watch, kFirstMs - 1);
  EXPECT_EQ(signal_after_commit(watch), "");
  stream(watch, kFirstMs);
  EXPECT_EQ(signal_after_commit(watch), "first streaming event");
}

// Partitions are read side by side: the event that follows the snapshot may come before its rows.
TEST_F(Watch, StreamingEventOfAnotherPartitionCountsWhenTheRowsCome) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  stream(watch, kFirstMs + 9);
  EXPECT_EQ(signal_after_commit(watch), "");
  read(watch, SnapshotMark::in_snapshot);
  EXPECT_EQ(signal_after_commit(watch), "first streaming event");
}

TEST_F(Watch, IncrementalSnapshotEndsWithANotificationOnly) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  read(watch, SnapshotMark::incremental);
  stream(watch, kFirstMs + 1);
  EXPECT_EQ(signal_after_commit(watch), "");
  watch.see(Notification{"Incremental Snapshot", "IN_PROGRESS", "srv", "", "", {}},
            at(kFirstMs + 2), news_);
  EXPECT_EQ(signal_after_commit(watch), "");
  watch.see(Notification{"Incremental Snapshot", "COMPLETED", "srv", "", "", {}}, at(kFirstMs + 2),
            news_);
  EXPECT_EQ(signal_after_commit(watch), "notification");
}

TEST_F(Watch, EveryServerMustHaveEnded) {
  SnapshotWatch watch = this->watch(SyncMode::initial);
  read(watch, SnapshotMark::last, "one");
  read(watch, SnapshotMark::in_snapshot, "two");
  EXPECT_EQ(signal_after_commit(watch), "");
  watch.see(Notification{"Initial Snapshot", "COMPLETED", "two", "", "", {}}, at(kFirstMs), news_);
  EXPECT_EQ(signal_after_commit(watch), "last record of the snapshot, notification");
}

TEST_F(Watch, NotificationTellsHowManyRowsATableHas) {
  SnapshotWatch watch = this->watch(SyncMode::initial);
  watch.see(
      Notification{"Initial Snapshot", "TABLE_SCAN_COMPLETED", "srv", "public.t", "SUCCEEDED", 12},
      at(kFirstMs), news_);
  read(watch, SnapshotMark::in_snapshot);
  watch.committed(std::exchange(news_, {}));
  const catalog::SourceTableKey key{"src", "shop", "public", "t"};
  ASSERT_TRUE(watch.state().tables.contains(key));
  const catalog::SnapshotTable& table = watch.state().tables.at(key);
  EXPECT_EQ(table.rows, 1);
  EXPECT_EQ(table.bytes, 8);
  EXPECT_EQ(table.expected, 12);
  EXPECT_TRUE(table.is_scanned);
  watch.see(Notification{"Initial Snapshot", "TABLE_SCAN_COMPLETED", "srv", "shop.public.t",
                         "SUCCEEDED", 13},
            at(kFirstMs), news_);
  watch.committed(std::exchange(news_, {}));
  EXPECT_EQ(watch.state().tables.at(key).expected, 13);
  EXPECT_EQ(watch.state().tables.at(key).rows, 1);
}

TEST_F(Watch, NotificationThatComesWhileTheRowsAreWrittenIsKept) {
  SnapshotWatch watch = this->watch(SyncMode::initial);
  read(watch, SnapshotMark::in_snapshot);
  const catalog::SnapshotNews news = std::exchange(news_, {});
  watch.see(
      Notification{"Initial Snapshot", "TABLE_SCAN_COMPLETED", "srv", "public.t", "SUCCEEDED", 1},
      at(kFirstMs), news_);
  const catalog::SnapshotNews late = watch.committed(news);
  EXPECT_FALSE(late.is_empty());
  watch.committed(late);
  EXPECT_TRUE(watch.state().tables.begin()->second.is_scanned);
  EXPECT_EQ(watch.state().tables.begin()->second.rows, 1);
}

TEST_F(Watch, DeadlineIsTheLastResort) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  const auto now = SnapshotWatch::Clock::now();
  watch.check_deadline(now + std::chrono::hours(4), std::chrono::hours(3));
  EXPECT_EQ(watch.signal(), "") << "its connector has sent nothing yet";
  read(watch, SnapshotMark::in_snapshot);
  watch.committed(std::exchange(news_, {}));
  watch.check_deadline(now, std::chrono::hours(3));
  EXPECT_EQ(watch.signal(), "");
  watch.check_deadline(now + std::chrono::hours(4), std::chrono::hours(3));
  EXPECT_EQ(watch.signal(), "deadline exceeded");
}

// Of a connector of before; the topic is read from its beginning.
TEST_F(Watch, NotificationOfAnotherSnapshotIsNoSignal) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  const Notification completed{"Initial Snapshot", "COMPLETED", "srv", "", "", {}};
  watch.see(completed, at(kFirstMs - 1), news_);
  EXPECT_EQ(signal_after_commit(watch), "");
  read(watch, SnapshotMark::in_snapshot);
  EXPECT_EQ(signal_after_commit(watch), "");
  watch.see(completed, at(kFirstMs + 5), news_);
  EXPECT_EQ(signal_after_commit(watch), "notification");
}

TEST_F(Watch, NotificationThatComesBeforeTheRowsCountsWhenTheyCome) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  watch.see(Notification{"Initial Snapshot", "COMPLETED", "srv", "", "", {}}, at(kFirstMs + 5),
            news_);
  EXPECT_EQ(signal_after_commit(watch), "");
  read(watch, SnapshotMark::in_snapshot);
  EXPECT_EQ(signal_after_commit(watch), "notification");
}

TEST_F(Watch, RowsThatComeAfterTheEndOpenTheSnapshotAgain) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  read(watch, SnapshotMark::last, "one");
  ASSERT_NE(signal_after_commit(watch), "");
  watch.completed(watch.signal(), 1);
  EXPECT_FALSE(watch.is_open());
  const Change row = change(Op::read, SnapshotMark::in_snapshot, "two");
  EXPECT_TRUE(watch.reopens(row));
  EXPECT_FALSE(watch.reopens(change(Op::update, SnapshotMark::streaming, "two")));
  watch.reopened("two");
  EXPECT_TRUE(watch.is_open());
  EXPECT_FALSE(watch.reopens(row));
  read(watch, SnapshotMark::in_snapshot, "two");
  watch.committed(std::exchange(news_, {}));
  EXPECT_EQ(watch.signal(), "") << "the second connector has not ended";
  read(watch, SnapshotMark::last, "two");
  EXPECT_EQ(signal_after_commit(watch), "last record of the snapshot");
}

// Of the batches on their way one may be lost: the other's rows say as much of the snapshot.
TEST_F(Watch, EachBatchSaysWhatNoOtherHasCommitted) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  catalog::SnapshotNews of_other;
  const Change row = change(Op::read, SnapshotMark::in_snapshot);
  watch.see(row, at(kFirstMs), of_other);
  read(watch, SnapshotMark::in_snapshot, "srv", kFirstMs + 5);
  const catalog::SnapshotNews news = std::exchange(news_, {});
  ASSERT_TRUE(news.servers.contains("srv"));
  EXPECT_EQ(news.servers.at("srv").first_record_ms, kFirstMs);
  watch.committed(news);
  read(watch, SnapshotMark::in_snapshot, "srv", kFirstMs + 6);
  EXPECT_TRUE(std::exchange(news_, {}).servers.empty()) << "that is known";
}

// Rows that another batch has, and has not committed, are rows.
TEST_F(Watch, StreamingEventFollowsTheRowsOfABatchThatIsOnItsWay) {
  SnapshotWatch watch = this->watch(SyncMode::initial);
  catalog::SnapshotNews of_other;
  watch.see(change(Op::read, SnapshotMark::in_snapshot), at(kFirstMs), of_other);
  stream(watch, kFirstMs - 1);
  EXPECT_EQ(signal_after_commit(watch), "") << "it is older than they are";
  stream(watch, kFirstMs + 1);
  EXPECT_EQ(signal_after_commit(watch), "first streaming event");
}

TEST_F(Watch, ScanThatFailedIsAProblemOfItsTable) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  read(watch, SnapshotMark::incremental);
  watch.see(Notification{"Incremental Snapshot", "TABLE_SCAN_COMPLETED", "srv", "public.t",
                         "SQL_EXCEPTION", 1},
            at(kFirstMs + 1), news_);
  watch.committed(std::exchange(news_, {}));
  EXPECT_EQ(watch.state().tables.begin()->second.problem, "SQL_EXCEPTION");
}

TEST_F(Watch, RowOfASnapshotPutsTheDeadlineOff) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  clock_.last_row = SnapshotWatch::Clock::now() - std::chrono::hours(4);
  read(watch, SnapshotMark::in_snapshot);
  watch.check_deadline(SnapshotWatch::Clock::now(), std::chrono::hours(3));
  EXPECT_EQ(watch.signal(), "");
}

TEST_F(Watch, OnlyAResyncMarksRows) {
  SnapshotWatch initial = watch(SyncMode::initial);
  EXPECT_EQ(initial.confirm(change(Op::read, SnapshotMark::in_snapshot), at(kFirstMs)).generation,
            0);
  SnapshotWatch resync = watch(SyncMode::resync);
  EXPECT_EQ(resync.confirm(change(Op::read, SnapshotMark::in_snapshot), at(kFirstMs)).generation,
            7);
  EXPECT_EQ(resync.confirm(change(Op::read, SnapshotMark::incremental), at(kFirstMs)).generation,
            7);
}

TEST_F(Watch, WhatTheSourceHasDoneSinceTheSnapshotBeganConfirmsRowsToo) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  const Change update = change(Op::update, SnapshotMark::streaming);
  EXPECT_EQ(watch.confirm(update, at(kFirstMs)).generation, 0) << "no row of the snapshot has come";
  read(watch, SnapshotMark::in_snapshot);
  EXPECT_EQ(watch.confirm(update, at(kFirstMs - 1)).generation, 0) << "written before it";
  EXPECT_EQ(watch.confirm(update, at(kFirstMs)).generation, 7);
  EXPECT_EQ(watch.confirm(change(Op::remove, SnapshotMark::streaming), at(kFirstMs)).generation, 0);
}

TEST_F(Watch, AnInitialOneMarksRowsOnceAConnectorBeginsAnew) {
  SnapshotWatch watch = this->watch(SyncMode::initial);
  Change row = change(Op::read, SnapshotMark::in_snapshot);
  row.snapshot_id = 1;
  EXPECT_EQ(watch.confirm(row, at(kFirstMs)).generation, 0);
  apply(watch, row, kFirstMs);
  EXPECT_FALSE(watch.confirm(row, at(kFirstMs)).begins_anew);
  row.snapshot_id = 2;
  const Confirmation first = watch.confirm(row, at(kFirstMs + 1));
  EXPECT_TRUE(first.begins_anew);
  EXPECT_EQ(first.generation, 7);
  apply(watch, row, kFirstMs + 1);
  const Confirmation second = watch.confirm(row, at(kFirstMs + 1));
  EXPECT_FALSE(second.begins_anew);
  EXPECT_EQ(second.generation, 7);
}

TEST_F(Watch, WhatASnapshotThatWasGivenUpHasInAnotherPartitionIsSuperseded) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  Change newer = change(Op::read, SnapshotMark::in_snapshot);
  newer.snapshot_id = 2;
  apply(watch, newer, kFirstMs);
  Change older = newer;
  older.snapshot_id = 1;
  EXPECT_TRUE(watch.confirm(older, at(kFirstMs - 1)).is_superseded);
  apply(watch, older, kFirstMs - 1);
  EXPECT_FALSE(watch.confirm(newer, at(kFirstMs)).begins_anew) << "the older one took over";
}

TEST_F(Watch, WhichSnapshotARowIsOfSurvivesTheStream) {
  Change row = change(Op::read, SnapshotMark::in_snapshot);
  row.snapshot_id = 1;
  SnapshotWatch before = this->watch(SyncMode::initial);
  apply(before, row, kFirstMs);
  before.committed(std::exchange(news_, {}));
  SnapshotWatch after("src", before.state(), clock_);
  row.snapshot_id = 2;
  EXPECT_TRUE(after.confirm(row, at(kFirstMs + 1)).begins_anew);
  apply(after, row, kFirstMs + 1);
  after.committed(std::exchange(news_, {}));
  SnapshotWatch last("src", after.state(), clock_);
  EXPECT_EQ(last.confirm(row, at(kFirstMs + 1)).generation, 7);
  EXPECT_FALSE(last.confirm(row, at(kFirstMs + 1)).begins_anew);
}

// What changes while an incremental snapshot reads its first chunk comes before its first row, and
// instead of the row.
TEST_F(Watch, WhatCameBeforeTheRowsOfAnIncrementalOneIsNotSwept) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  stream(watch, kFirstMs - 1);
  Change row = change(Op::read, SnapshotMark::incremental);
  row.ts_us = 9'000;
  apply(watch, row, kFirstMs);
  watch.committed(std::exchange(news_, {}));
  EXPECT_EQ(watch.state().servers.at("srv").swept_before_us(), 5'000);
  // Of another one the rows say what there is.
  row.snapshot = SnapshotMark::in_snapshot;
  apply(watch, row, kFirstMs);
  watch.committed(std::exchange(news_, {}));
  EXPECT_EQ(watch.state().servers.at("srv").swept_before_us(), 9'000);
}

TEST_F(Watch, AServerOfWhichOnlyChangesCameKeepsNoSnapshotOpen) {
  SnapshotWatch watch = this->watch(SyncMode::resync);
  stream(watch, kFirstMs - 1, "gone");
  read(watch, SnapshotMark::last);
  EXPECT_EQ(signal_after_commit(watch), "last record of the snapshot");
}

TEST(SnapshotEnds, IsDoneWhenEveryPartitionIsAppliedToItsEnd) {
  SnapshotEnds ends;
  const ingest::TopicPartition one{"a", 0};
  const ingest::TopicPartition two{"a", 1};
  ends.await(one, 10, 4);
  ends.await(two, 5, 5);
  EXPECT_FALSE(ends.is_done());
  ends.committed(one, 9);
  EXPECT_FALSE(ends.is_done());
  ends.committed(one, 10);
  EXPECT_TRUE(ends.is_done());
}

// Transactions leave offsets that hold no records, also at the end.
TEST(SnapshotEnds, KnowsThatTheLastOffsetsMayHoldNoRecords) {
  SnapshotEnds ends;
  const ingest::TopicPartition at{"a", 0};
  ends.await(at, 10, 4);
  ends.reached_end({at, 10}, 9);
  EXPECT_FALSE(ends.is_done()) << "delivered is not committed";
  ends.committed(at, 9);
  EXPECT_TRUE(ends.is_done());
  ends.await(at, 3, -1);  // of which nothing was ever delivered
  ends.reached_end({at, 3}, -1);
  EXPECT_TRUE(ends.is_done());
}

}  // namespace
}  // namespace metadb::tests
