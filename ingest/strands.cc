#include "ingest/strands.h"

#include <algorithm>
#include <functional>

namespace metadb::ingest {

void Strands::tie(const std::string& topic, const catalog::TableName& table) {
  const auto of_topic = topics_.find(topic);
  const auto of_table = tables_.find(table);
  if (of_topic == topics_.end() && of_table == tables_.end()) {
    topics_.emplace(topic, hashes_.size());
    tables_.emplace(table, hashes_.size());
    hashes_.push_back(std::hash<std::string>{}(table.first + "." + table.second));
  } else if (of_topic == topics_.end()) {
    topics_.emplace(topic, of_table->second);
  } else if (of_table == tables_.end()) {
    tables_.emplace(table, of_topic->second);
  } else {
    join(of_topic->second, of_table->second);
  }
}

// The older one goes on.
void Strands::join(size_t first, size_t second) {
  const auto [older, newer] = std::minmax(first, second);
  for (auto& [topic, strand] : topics_) {
    if (strand == newer) strand = older;
  }
  for (auto& [table, strand] : tables_) {
    if (strand == newer) strand = older;
  }
}

size_t Strands::writer_of(const std::string& topic, size_t writers) const {
  const auto found = topics_.find(topic);
  const size_t hash =
      found == topics_.end() ? std::hash<std::string>{}(topic) : hashes_[found->second];
  return hash % writers;
}

void Strands::clear() {
  topics_.clear();
  tables_.clear();
  hashes_.clear();
}

}  // namespace metadb::ingest
