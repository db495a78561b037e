// The stream lock of a table: PostgreSQL's advisory lock that keeps the ingest of a table and the
// commands that change it apart.
//
// Batches, and ingest's own DDL, share it and never wait for it: who waited would hold up the other
// tables of its transaction. Commands take it alone and wait in PostgreSQL's queue; behind one that
// waits there no other gets a share, so that batch after batch starves no command.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "catalog/postgres.h"
#include "catalog/tables.h"

namespace metadb::catalog {

// What keeps a batch from a table.
struct StreamObstacle {
  enum class Kind : uint8_t {
    busy,     // a command has the table, or waits for it
    changed,  // the table is not the one that the batch was prepared for
  };
  Kind kind = Kind::busy;
  size_t table = 0;  // index
};

// Shares the locks until the end of the transaction, and then looks whether the tables are still
// those that these objects describe. nullopt: they are, and stay so. A table with revision 0 is one
// that is yet to be made. REQUIRES: a transaction, READ COMMITTED.
std::optional<StreamObstacle> share_streams(Connection& connection,
                                            const std::vector<const Table*>& tables);

// Whether a batch would be refused the table now.
bool is_stream_busy(Connection& connection, const TableName& table);

// The locks of some tables, for one command alone, from the constructor to the end of the object.
// They outlive transactions: what a command has committed can be published before a batch goes on.
// A connection that is lost or closed gives them back, too.
class StreamLock {
 public:
  // Waits without limit, whatever lock_timeout says, in one order for all commands.
  // REQUIRES: no transaction is open.
  StreamLock(Connection& connection, const std::vector<TableName>& tables);
  ~StreamLock();
  StreamLock(const StreamLock&) = delete;
  StreamLock& operator=(const StreamLock&) = delete;

 private:
  Connection& connection_;
};

}  // namespace metadb::catalog
