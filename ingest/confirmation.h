#pragma once

#include <cstdint>

namespace metadb::ingest {

// What a snapshot says of the row that a change leaves.
struct Confirmation {
  // That the row is marked with; 0: none. In a resynchronization a row of the snapshot confirms
  // what is there, and so does what the source has done since: an event whose record is not older
  // than the first of the snapshot's. In an initial one, where a snapshot was begun anew.
  int64_t generation = 0;
  // It is the first of its table since its connector began anew: what the rows before it have
  // confirmed counts no more. Rows without key are found again instead of doubled, and what has
  // gone in between ends with the synchronization.
  bool begins_anew = false;
  // Its snapshot was given up, and a later one of this table is read. A row without key would be
  // doubled.
  bool is_superseded = false;
};

}  // namespace metadb::ingest
