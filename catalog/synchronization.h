// Snapshots of data sources in the catalog: what they have sent, and which signal ended them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catalog/postgres.h"
#include "catalog/source_tables.h"
#include "catalog/sources.h"

namespace metadb::catalog {

// What a snapshot has from one server (source.name of its events). Times are since 1970 UTC.
struct SnapshotServer {
  std::optional<int64_t> first_us;         // the earliest source time of its rows
  std::optional<int64_t> first_record_ms;  // the earliest time of their records in Kafka
  bool is_initial = false;                 // rows came that are no incremental snapshot's
  std::string signal;                      // that its snapshot has ended; empty: not yet
  // In a resynchronization, of changes that were read before its rows: the earliest source time.
  std::optional<int64_t> first_change_us;

  [[nodiscard]] bool has_rows() const { return first_us.has_value(); }
  // Rows that are not younger may have gone, if its snapshot has not confirmed them. An incremental
  // one leaves out what changes while it reads, which then comes before its rows: not older than
  // the first change is what came so.
  [[nodiscard]] std::optional<int64_t> swept_before_us() const;
};

struct SnapshotTable {
  std::string server_name;
  int64_t rows = 0;
  int64_t bytes = 0;
  std::optional<int64_t> expected;  // rows, if anything tells
  bool is_scanned = false;          // the server says that it has sent all of it
  std::string problem;              // why it has not, as the server says; empty: none
  bool is_partial = false;          // some of its rows were read before they were marked
  // Which snapshot its newest rows are of, and when the first of these came in Kafka.
  struct Begin {
    int64_t id = 0;
    int64_t record_ms = 0;
    int64_t ts_us = 0;  // their source time
  };
  std::optional<Begin> begin;
  // How often, in this generation, a connector gave its snapshot up and sent another. What goes in
  // between no event tells: connectors go on at the point of the later one.
  int begun_anew = 0;
};

// The snapshot of one source's present generation.
struct Synchronization {
  SyncMode mode = SyncMode::none;
  int64_t generation = 0;
  int64_t began_us = 0;
  std::string signal;                  // that it is complete; empty: it is not
  std::optional<int64_t> complete_us;  // since when
  std::map<std::string, SnapshotServer> servers;
  std::map<SourceTableKey, SnapshotTable> tables;

  // Of all that a server has sent; null where it does not tell one snapshot from another.
  [[nodiscard]] const SnapshotTable::Begin* newest_begin(const std::string& server_name) const;
};

// As it is committed; mode none and generation 0 for an unknown source.
Synchronization load_synchronization(Connection& connection, const std::string& source_name);

// What a batch has of a snapshot. `rows` and `bytes` are added to what is there; the rest is
// widened by it.
struct SnapshotNews {
  std::map<std::string, SnapshotServer> servers;
  std::map<SourceTableKey, SnapshotTable> tables;
  [[nodiscard]] bool is_empty() const { return servers.empty() && tables.empty(); }
};
// REQUIRES: the transaction of that batch, at its end: other batches wait for the rows that it
// writes. Nothing is recorded if `generation` is an old one.
void record_snapshot(Connection& connection, const std::string& source_name, int64_t generation,
                     const SnapshotNews& news);
// Rows of the server come though the snapshot was complete: it is not, and the server's signal
// counts no more. Nothing is recorded if `generation` is an old one. REQUIRES: no transaction.
void reopen_snapshot(Connection& connection, const std::string& source_name, int64_t generation,
                     const std::string& server_name);
// Records that all of the snapshot is applied. False if that is known, or another generation's.
bool complete_snapshot(Connection& connection, const std::string& source_name, int64_t generation,
                       const std::string& signal);

// REQUIRES: a transaction, for all of these.

// What a resynchronization has done.
struct Resync {
  int64_t generation = 0;
  std::vector<std::string> read_again;  // topics: from the beginning, or from the new snapshot's
  std::vector<std::string> kept;        // topics: go on where they are
  int64_t dropped_letters = 0;          // dead letters of what is read again
};
// Begins the next generation. Fences every batch that is on its way. Positions are forgotten, with
// watermarks and dead letters, of topics that need a resync; a partition that holds the beginning
// of a snapshot, and no streaming event after it, goes back to that beginning. Events of a server
// under a new name feed the tables from now on. Throws Error 42704 if there is no such source.
Resync begin_resync(Connection& connection, const std::string& source_name);
// The source has no synchronization mode any more. What its tables have is the estimate of the
// next. Throws Error 42704 if there is no such source. REQUIRES: nothing is read for it.
void end_synchronization(Connection& connection, const std::string& source_name);

struct NeedsResync {
  std::string reason;
  // The same for Position::discontinuity; empty: each start finds it out again.
  std::string discontinuity;
};
// That a topic stands until it is resynchronized, for a start of the server that does not read it.
void record_needs_resync(Connection& connection, const std::string& source_name,
                         const std::string& topic, const NeedsResync& needs);

}  // namespace metadb::catalog
