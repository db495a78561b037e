#include "server/kafka_factory.h"

#include <chrono>
#include <memory>

#include "catalog/settings.h"
#include "ingest/kafka_probe.h"
#include "ingest/kafka_source.h"
#include "ingest/memory_share.h"
#include "ingest/registered_schemas.h"
#include "ingest/topics.h"

namespace metadb::server {
namespace {

constexpr std::chrono::seconds kProbeTimeout{5};

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
  options.queue_bytes =
      ingest::memory_share(memory_limit_bytes, snapshot.sources.size()).queue_bytes;
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
