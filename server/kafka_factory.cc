#include "server/kafka_factory.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "catalog/settings.h"
#include "ingest/kafka_probe.h"
#include "ingest/kafka_source.h"
#include "ingest/registered_schemas.h"
#include "ingest/topics.h"

namespace metadb::server {
namespace {

constexpr std::chrono::seconds kProbeTimeout{5};
constexpr int64_t kQueueBytesMin = int64_t{4} << 20;
constexpr int64_t kQueueBytesMax = int64_t{128} << 20;

// Read-ahead is one of several users of the memory (batches on their way, sessions), and the
// sources share what is meant for it.
size_t queue_bytes(int64_t memory_limit_bytes, size_t sources) {
  const int64_t share =
      memory_limit_bytes / 16 / static_cast<int64_t>(std::max<size_t>(sources, 1));
  return static_cast<size_t>(std::clamp(share, kQueueBytesMin, kQueueBytesMax));
}

}  // namespace

ingest::KafkaOptions kafka_options(const catalog::DataSource& source,
                                   const catalog::Snapshot& snapshot, int64_t memory_limit_bytes) {
  ingest::KafkaOptions options;
  options.source_name = source.name;
  options.brokers = source.option("brokers");
  options.group_id = source.option("consumer_group");
  options.security = source.option("security");
  options.installation_id = snapshot.installation_id;
  options.topics = ingest::TopicList::parse(source.option("topics")).elements();
  options.properties = source.kafka_properties();
  options.queue_bytes = queue_bytes(memory_limit_bytes, snapshot.sources.size());
  options.poll_interval_ms_max =
      static_cast<int>(catalog::integer_setting(snapshot.settings, "max_poll_interval"));
  return options;
}

ingest::SourceFactory kafka_source_factory(int64_t memory_limit_bytes) {
  return
      [memory_limit_bytes](const catalog::DataSource& source, const catalog::Snapshot& snapshot) {
        return std::make_unique<ingest::KafkaSource>(
            kafka_options(source, snapshot, memory_limit_bytes));
      };
}

SourceProbe kafka_probe() {
  return [](const catalog::DataSource& source, const catalog::Snapshot& snapshot,
            const std::stop_token& stop) {
    // It reads nothing but metadata: the memory limit does not matter.
    auto problem = ingest::probe(kafka_options(source, snapshot, 0), kProbeTimeout, stop);
    return problem ? problem : ingest::probe_registry(source, stop);
  };
}

}  // namespace metadb::server
