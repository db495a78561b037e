// Which topics are written in one order: those that feed one table.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "catalog/tables.h"

namespace metadb::ingest {

// Topics and the tables that they feed, each with all that hangs together with it. A strand has one
// writer: the changes of a table are committed in the order in which they were read, and no two
// transactions want rows of one table. What is tied stays tied. Used by the worker's thread only.
class Strands {
 public:
  // Changes of the topic go to the table.
  void tie(const std::string& topic, const catalog::TableName& table);
  // Which of so many writers has the topic's strand; after a tie() it may be another one. That of a
  // strand is told by the first table that it had, so that topics which feed the same table have
  // the same from the start; that of a topic without tables by its name.
  [[nodiscard]] size_t writer_of(const std::string& topic, size_t writers) const;
  void clear();

 private:
  void join(size_t first, size_t second);

  std::map<std::string, size_t> topics_;
  std::map<catalog::TableName, size_t> tables_;
  std::vector<size_t> hashes_;  // of the first tables, by strand
};

}  // namespace metadb::ingest
