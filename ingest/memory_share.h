// What a data source may use of the memory that the server has.
#pragma once

#include <cstddef>
#include <cstdint>

namespace metadb::ingest {

// Of one source, where all of them share what is meant for ingest.
struct MemoryShare {
  size_t queue_bytes = 0;  // read ahead from Kafka
  // Of a batch; all in hand together have twice as many, and so have the topics with several
  // partitions, which may have half as much again where little is left to each.
  size_t batch_bytes = 0;
};

// `limit_bytes`: of the process.
MemoryShare memory_share(int64_t limit_bytes, size_t sources);

// Of the process, where nothing is configured.
constexpr int64_t kMemoryLimit = int64_t{2} << 30;

}  // namespace metadb::ingest
