// What commands on managed tables have in common: names, locks, and how long they wait for them.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "catalog/stream_lock.h"
#include "server/commands/command_context.h"

namespace metadb::server {

// The managed table that has this main table, by what its name must be.
// Throws Error 42P01 at the name's place if it is none of a managed table's.
catalog::TableName managed_name(const grammar::ast::QualifiedName& main);
// The table as it is in the database now. Throws Error 42P01, as for an unknown table.
catalog::Table load_managed(CommandContext& context, const grammar::ast::QualifiedName& main);
catalog::Error unknown_table(const grammar::ast::QualifiedName& main);

// Keeps ingest and other commands away from these tables. Waits, however long; tells the client
// every ten seconds; ends with 57014 when the command is to stop.
catalog::StreamLock hold_streams(CommandContext& context,
                                 const std::vector<catalog::TableName>& tables);

// Runs `work` in a transaction that `begin` begins. Where a lock on a table is not to be had within
// two seconds the transaction ends, so that those who queue behind it go on, and comes again later,
// for as long as the command is not stopped; the client is told whom it waits for.
void in_patient_transaction(CommandContext& context, const std::vector<catalog::Table>& tables,
                            const std::function<void()>& work, std::string_view begin = "BEGIN");

// Makes committed tables known to everybody. REQUIRES: their stream locks.
void publish(CommandContext& context, const catalog::Table& table);

}  // namespace metadb::server
