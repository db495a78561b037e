// Why the events of a topic cannot go into the table that they would go to: what stops its lane.
#pragma once

#include <string>

#include "catalog/catalog.h"
#include "ingest/batch.h"
#include "ingest/outcome.h"

namespace metadb::ingest {

// A source table in words.
std::string described(const catalog::SourceTableKey& key);

// `holder`'s events go there.
LaneStopped collision(const TableChanges& changes, const catalog::SourceTable& wanted,
                      const catalog::SourceTable& holder);
// Two servers that both call a database the same must not feed one table; a server that has got
// another name may.
LaneStopped second_server(const TableChanges& changes, const catalog::SourceTable& known);
// The name is none for a table of a source.
LaneStopped refused(const TableChanges& changes, const catalog::SourceTableKey& key,
                    const std::string& reason);
// The table is made from documents.
LaneStopped transformed(const TableChanges& changes, const catalog::SourceTableKey& key,
                        const catalog::Table& table);

// A relation or type has the name that is wanted, and is none of ours.
bool is_name_taken(const catalog::Error& error);
LaneStopped name_taken(const TableChanges& changes, const catalog::SourceTable& wanted,
                       const catalog::Error& error);
// A table can't have so many columns.
bool is_too_wide(const catalog::Error& error);
LaneStopped too_wide(const TableChanges& changes, const catalog::SourceTable& wanted,
                     const catalog::Error& error);

}  // namespace metadb::ingest
