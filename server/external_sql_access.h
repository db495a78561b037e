// Rights on tables that a file of external SQL drops and makes anew.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "catalog/postgres.h"

namespace metadb::server {

// What was granted on the tables and views of one schema.
struct GrantedAccess {
  struct Grant {
    std::string grantee;  // a quoted role, or PUBLIC
    std::string privilege;
    bool is_grantable = false;
  };
  struct Relation {
    std::string oid;
    std::vector<Grant> grants;  // not the owner's own
  };
  std::string schema;
  std::map<std::string, Relation> relations;  // by name
};

GrantedAccess granted_access(catalog::Connection& connection, const std::string& schema);
// Grants what `before` has on every relation that is another one now, under the same name.
void restore_access(catalog::Connection& connection, const GrantedAccess& before);

// Makes every relation that is another one now readable to those who have access to it by GRANT
// ACCESS. Call it last: it shares the access lock until the transaction ends.
void grant_durable_access(catalog::Connection& connection, const GrantedAccess& before);

}  // namespace metadb::server
