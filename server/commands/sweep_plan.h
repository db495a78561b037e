// What the end of a resynchronization would do to each table of a source, and what speaks against
// it.
#pragma once

#include <string>
#include <vector>

#include "catalog/sweep.h"
#include "server/commands/command_context.h"

namespace metadb::server {

struct SweepPlan {
  struct Target {
    catalog::SweepTarget rows;
    catalog::SweepCount count;
  };
  std::vector<Target> targets;
  // Tables with current rows of which the snapshot has brought none, or not all: not swept unless
  // they are named.
  std::vector<std::string> unswept;
  // Sentences; none: it is safe.
  std::vector<std::string> objections;

  [[nodiscard]] int64_t ending() const;
  [[nodiscard]] int64_t current() const;
};

struct SweepOrder {
  std::string source_name;
  std::vector<grammar::ast::QualifiedName> named;  // tables that are swept in any case
  bool is_forced = false;  // also tables whose server has not said that it has sent all
};
// Counts by an anti-join, table by table. Throws Error 42P01 for a name that is no table of the
// source.
SweepPlan plan_sweep(const catalog::Synchronization& state, const SweepOrder& order,
                     CommandContext& context);

}  // namespace metadb::server
