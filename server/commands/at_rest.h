// A data source whose worker does nothing while a command changes what it goes by.
#pragma once

#include <optional>

#include "server/commands/command_context.h"

namespace metadb::server {

// Nothing of the source is read or written while it lives; then it goes on as it did before, unless
// it is told otherwise. REQUIRES: a turn.
class AtRest {
 public:
  // Waits until the worker rests. Throws 57014 if the command is to stop first.
  AtRest(catalog::DataSource source, CommandContext& context);
  ~AtRest();
  AtRest(const AtRest&) = delete;
  AtRest& operator=(const AtRest&) = delete;

  // What it goes on with at the end.
  void change(catalog::DataSource source) { source_ = std::move(source); }
  // It goes on now, also if it waited.
  void go_on(const catalog::DataSource& source);

 private:
  catalog::DataSource source_;
  CommandContext& context_;
  std::optional<ingest::Order> before_;  // what its worker did; nullopt: there is none
};

}  // namespace metadb::server
