// How the server makes Kafka consumers of what the catalog says about a source.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "catalog/catalog.h"
#include "ingest/kafka_options.h"
#include "ingest/worker.h"

namespace metadb::server {

// Connects as the source's worker would and says what is wrong; nullopt if nothing is. Blocks for
// a few seconds at most; once `stop` is requested it soon returns something that means nothing.
using SourceProbe = std::function<std::optional<std::string>(const catalog::DataSource& source,
                                                             const catalog::Snapshot& snapshot,
                                                             const std::stop_token& stop)>;

// Throws catalog::Error 22023 or 2201B if the option `topics` is not readable.
ingest::KafkaOptions kafka_options(const catalog::DataSource& source,
                                   const catalog::Snapshot& snapshot, int64_t memory_limit_bytes);

// For ingest::Workers. `memory_limit_bytes`: of the process, all sources together.
ingest::SourceFactory kafka_source_factory(int64_t memory_limit_bytes);
// For `create data source`.
SourceProbe kafka_probe();

}  // namespace metadb::server
