// What a stream sees of the snapshot that its source synchronizes with: what came, what it
// confirms, and which signal says that nothing more comes (debezium-format 13.1).
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "catalog/synchronization.h"
#include "ingest/change.h"
#include "ingest/confirmation.h"
#include "ingest/debezium.h"
#include "ingest/source.h"

namespace metadb::ingest {

// The signal of last resort.
inline constexpr std::string_view kDeadlineSignal = "deadline exceeded";

// What is kept of a snapshot while streams come and go.
struct SnapshotMemory {
  int64_t generation = 0;
  // When a row came last, or reading began.
  std::chrono::steady_clock::time_point last_row = std::chrono::steady_clock::now();
  // Scans of tables of which no row has come yet, by the table's name.
  std::map<std::string, Notification> scans;
};

// Belongs to one stream; used by its thread. Knows what is committed and what has been seen. News
// are those of the batch that the event goes to: batches of several writers may be on their way,
// and are committed in any order.
class SnapshotWatch {
 public:
  using Clock = std::chrono::steady_clock;

  SnapshotWatch(std::string source_name, catalog::Synchronization state, SnapshotMemory& memory);

  // Whether the source synchronizes and its snapshot is not known to be complete.
  [[nodiscard]] bool is_open() const;
  [[nodiscard]] const catalog::Synchronization& state() const { return state_; }

  // Whether this is a row of a snapshot that was complete: a connector of its own, or one that has
  // begun anew. It is to be recorded, and told with reopened(), before the event is seen.
  [[nodiscard]] bool reopens(const Change& change) const;
  void reopened(const std::string& server_name);

  // An event as it comes, before filters: signals hide in what they leave out.
  void see(const Change& change, const Message& message, catalog::SnapshotNews& news);
  void see(const Notification& notification, const Message& message, catalog::SnapshotNews& news);
  // What becomes of an event that passes the filters.
  [[nodiscard]] Confirmation confirm(const Change& change, const Message& message);
  // A row of the snapshot that is applied. REQUIRES: confirm(), before.
  void count(const Change& change, const Message& message, catalog::SnapshotNews& news);

  // These news of a batch are recorded. Returns what was told of its tables while they were on
  // their way; that is to be recorded at once, and told with committed().
  catalog::SnapshotNews committed(const catalog::SnapshotNews& news);

  // Which signals say that nothing more comes, of all servers whose rows came; empty: not yet. As
  // committed, but for the deadline.
  [[nodiscard]] std::string signal() const;
  void check_deadline(Clock::time_point now, std::chrono::seconds deadline);
  void completed(const std::string& signal, int64_t now_us);

 private:
  using News = catalog::SnapshotNews;
  void see_row(const Change& change, const Message& message, News& news);
  void see_streaming(const Change& change, const Message& message, News& news);
  void note(News& news, const std::string& name, const catalog::SnapshotServer& server);
  void note_early(const std::string& name, const Message& message, std::string_view signal);
  [[nodiscard]] catalog::SnapshotServer seen(const std::string& name) const;
  [[nodiscard]] catalog::SnapshotServer known(const std::string& name, const News& news) const;
  [[nodiscard]] int64_t generation_of(const Change& change, const Message& message) const;
  catalog::SnapshotTable& begin_of(const Change& change);
  void note_begin(const Change& change, const Message& message, catalog::SnapshotTable& news);
  [[nodiscard]] std::optional<catalog::SourceTableKey> table_of(const Notification& scan,
                                                                const News& news) const;

  std::string source_name_;
  catalog::Synchronization state_;                       // as committed
  std::map<std::string, catalog::SnapshotServer> seen_;  // committed or not
  SnapshotMemory& memory_;
  // The first record of each server's snapshot, committed or not.
  std::map<std::string, int64_t, std::less<>> first_record_ms_;
  // Of each server whose snapshot has not begun here: the newest record that would say that it is
  // over, and what it is.
  struct Early {
    int64_t record_ms = 0;
    std::string_view signal;
  };
  std::map<std::string, Early, std::less<>> early_;
  // Which snapshot each table's rows are of, committed or not: `begin` and `begun_anew` only.
  std::map<catalog::SourceTableKey, catalog::SnapshotTable> begins_;
  // The one of these that was asked for last: snapshots come table by table.
  std::shared_ptr<const EventTable> last_table_;
  catalog::SnapshotTable* last_begin_ = nullptr;
  bool is_past_deadline_ = false;
};

// Whether all partitions have been applied up to where they ended once the snapshot was over.
// Belongs to one stream.
class SnapshotEnds {
 public:
  // A partition that ends at `until` and is applied up to `committed`.
  void await(const TopicPartition& at, int64_t until, int64_t committed);
  // The end was delivered, and `next_offset` follows what was delivered before: what lies between
  // holds no records.
  void reached_end(const EndOfPartition& end, int64_t next_offset);
  void committed(const TopicPartition& at, int64_t next_offset);

  [[nodiscard]] bool is_done() const { return open_.empty(); }
  [[nodiscard]] size_t open() const { return open_.size(); }

 private:
  struct Open {
    int64_t until = 0;
    int64_t committed = 0;
  };
  std::map<TopicPartition, Open> open_;
};

}  // namespace metadb::ingest
