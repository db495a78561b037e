// A writer and what is collected for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "catalog/synchronization.h"
#include "ingest/batch.h"
#include "ingest/writer.h"

namespace metadb::ingest {

struct WriterSlot {
  std::unique_ptr<Writer> writer;  // but for the first, none before there is something for it
  bool is_busy = false;            // with a batch
  std::chrono::steady_clock::time_point handed_over{};
  bool is_said_to_be_slow = false;
  size_t bytes_in_hand = 0;      // of that batch
  size_t changes_in_hand = 0;    // the same, with what was set aside
  std::unique_ptr<Batch> batch;  // collected
  std::string exclusive_lane;    // of batch, if its lane is on trial
  std::optional<std::chrono::steady_clock::time_point> since;
  // Limits of batch, by the settings of when it was begun.
  size_t changes_max = 0;  // while it keeps up; kBehindFactor times that when behind
  size_t tables_max = 0;
  catalog::SnapshotNews news;
};

}  // namespace metadb::ingest
