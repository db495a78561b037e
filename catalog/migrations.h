// The numbered steps that make the schema `metadb` what this program expects.
#pragma once

#include <string>
#include <vector>

#include "catalog/postgres.h"

namespace metadb::catalog {

struct Migration {
  int number = 0;
  std::string name;
  std::string sql;
};

// The files of catalog/migrations, ascending.
std::vector<Migration> migrations();

// metadb.init.dbversion after migration n. Metadb 1.4 stops at 34; ours start above.
constexpr int kFirstDbVersion = 1000;
constexpr int kOldestServerVersion = 130000;

// Creates or upgrades the schema `metadb` in one transaction, under an advisory lock.
// Throws Error: 0A000 if PostgreSQL is older than 13, 55000 if the schema is newer than this
// program or belongs to Metadb 1.4.
void migrate(Connection& connection);

}  // namespace metadb::catalog
