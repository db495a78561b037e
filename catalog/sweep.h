// The end of a synchronization: current rows that its snapshot has not seen are no rows of the
// source any more. In an initial one that may be so only where a snapshot was begun anew.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/postgres.h"
#include "catalog/source_tables.h"
#include "catalog/synchronization.h"
#include "catalog/tables.h"

namespace metadb::catalog {

// The rows of one source table in the managed table that it feeds. A row stays if it is marked with
// the generation, or began at the snapshot's time or later.
struct SweepTarget {
  SourceTableKey source;
  Table table;
  std::string origin;
  int64_t generation = 0;
  int64_t snapshot_us = 0;  // source time of the snapshot, microseconds since 1970 UTC
};

// What a sweep would do.
struct SweepCount {
  int64_t current = 0;  // rows now
  int64_t ending = 0;   // of these, rows that would end
};
SweepCount count_sweep(Connection& connection, const SweepTarget& target);

// Where a sweep is: the ids up to here are dealt with.
struct SweepPlace {
  int64_t done_id = 0;
  int64_t last_id = 0;
};
// Keeps the synchronization of this generation from ending until the transaction does. Throws
// Error 55000 if it has ended, or another has begun.
void hold_synchronization(Connection& connection, const SweepTarget& target);
SweepPlace begin_sweep(Connection& connection, const SweepTarget& target);
// Ends the rows of the next ids, at the snapshot's time or their start if that is later, and moves
// `place`; returns how many ended. REQUIRES: a transaction, the table's stream lock; another call
// as long as done_id < last_id. Throws as hold_synchronization() does.
int64_t sweep_some(Connection& connection, const SweepTarget& target, SweepPlace& place);
// False as well for a table that somebody has dropped.
bool has_marks(Connection& connection, const Table& table);
// Marks are of no use any more. REQUIRES: the table's stream lock.
void clear_marks(Connection& connection, const Table& table);

}  // namespace metadb::catalog
