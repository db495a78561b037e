#include "ingest/batch_size.h"

#include <algorithm>

namespace metadb::ingest {
namespace {

// One that takes longer is large enough.
constexpr std::chrono::milliseconds kSoon{500};

}  // namespace

void BatchSize::cut_short(size_t changes) {
  changes_max_ = std::max<size_t>(1, std::min(changes_max_, changes) / 2);
}

void BatchSize::committed(std::chrono::milliseconds time) {
  if (time < kSoon) changes_max_ = std::min(kAny, 2 * changes_max_);
}

}  // namespace metadb::ingest
