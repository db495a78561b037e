#include "server/external_sql_access.h"

#include <fmt/format.h>

#include "catalog/access.h"

namespace metadb::server {

GrantedAccess granted_access(catalog::Connection& connection, const std::string& schema) {
  GrantedAccess out{schema, {}};
  const catalog::Result rows = connection.exec(
      "SELECT c.relname, c.oid, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE"
      " pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END, a.privilege_type,"
      " a.is_grantable FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
      " ON n.oid = c.relnamespace LEFT JOIN LATERAL pg_catalog.aclexplode(c.relacl) a"
      " ON a.grantee <> c.relowner WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
      {schema});
  for (int row = 0; row < rows.rows(); ++row) {
    GrantedAccess::Relation& relation = out.relations[std::string(rows.text(row, 0))];
    relation.oid = rows.text(row, 1);
    if (rows.is_null(row, 2)) continue;
    relation.grants.push_back(
        {std::string(rows.text(row, 2)), std::string(rows.text(row, 3)), rows.boolean(row, 4)});
  }
  return out;
}

void restore_access(catalog::Connection& connection, const GrantedAccess& before) {
  const GrantedAccess now = granted_access(connection, before.schema);
  for (const auto& [name, relation] : before.relations) {
    const auto found = now.relations.find(name);
    if (found == now.relations.end() || found->second.oid == relation.oid) continue;
    for (const GrantedAccess::Grant& grant : relation.grants) {
      connection.exec(fmt::format("GRANT {} ON {} TO {}{}", grant.privilege,
                                  catalog::quote_qualified(before.schema, name), grant.grantee,
                                  grant.is_grantable ? " WITH GRANT OPTION" : ""));
    }
  }
}

void grant_durable_access(catalog::Connection& connection, const GrantedAccess& before) {
  const GrantedAccess now = granted_access(connection, before.schema);
  for (const auto& [name, relation] : now.relations) {
    const auto found = before.relations.find(name);
    if (found != before.relations.end() && found->second.oid == relation.oid) continue;
    catalog::apply_access(connection, before.schema, name);
  }
}

}  // namespace metadb::server
