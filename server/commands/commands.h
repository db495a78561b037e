// Executes the commands of the dialect against the catalog and the ingest workers.
#pragma once

#include <utility>
#include <vector>

#include "server/commands/run.h"

namespace metadb::server {

// Owner: main. Outlives the sessions; the catalog and the workers outlive it.
// A failed command leaves catalog, workers and database as they were.
class Commands final : public CommandRunner {
 public:
  explicit Commands(CommandParts parts) : parts_(std::move(parts)) {}

  bool takes(const grammar::ast::Command& command, const Caller& caller) override;
  std::vector<ColumnDescription> describe(const grammar::ast::Command& command) override;
  Reply run(const grammar::ast::Command& command, Context& context) override;

 private:
  CommandParts parts_;
  CommandTurns turns_;
};

}  // namespace metadb::server
