// Durable access: grants that metadb remembers (metadb.acl, metadb.acl_all) and applies again to
// objects that are dropped and recreated, and those on all to objects that appear later.
//
// The views of migration 0002 say what is wanted and what is missing. A change of what is wanted
// and a table that appears at the same moment must not miss each other: whoever changes grants
// holds the access lock alone, whoever makes tables shares it, both to the end of a READ COMMITTED
// transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/postgres.h"

namespace metadb::catalog {

enum class ObjectType : char { table = 't', function = 'f' };

// What access is granted on.
struct AccessObject {
  ObjectType type = ObjectType::table;
  std::string schema;
  std::string name;  // of a function its canonical signature: f(integer, text)

  // As a message names it: table s.t
  [[nodiscard]] std::string described() const;
};

// An object that exists.
struct FoundObject {
  AccessObject object;
  std::string owner;
  bool is_owner_superuser = false;
};

// A function by the types of its arguments as they were typed. Types are written as PostgreSQL
// does, with their schema unless that is pg_catalog; those without one are looked up there and in
// public. One that does not exist is kept as it is. REQUIRES of this and all below: search_path is
// pg_catalog.
struct TypedFunction {
  std::string schema;
  std::string name;
  std::vector<std::string> argument_types;
};
AccessObject access_object(Connection& connection, const TypedFunction& function);

// A table is any relation with rows to read. Throws Error 42809 if it is another one.
std::optional<FoundObject> find_object(Connection& connection, const AccessObject& object);

// Waits until no table is being made and no grant changed. Throws Error 55P03 after ten seconds.
void lock_access(Connection& connection);

// Makes a table that was just created readable to all who have access to it, be it by name or on
// all. Shares the access lock until the transaction ends: call it last if others are to come.
// REQUIRES: a transaction; the caller owns the table or is a superuser.
void apply_access(Connection& connection, const std::string& schema, const std::string& table);

// REQUIRES of all below: the access lock. The user's role exists, except for forget_access().
struct AccessChange {
  std::string user;
  std::optional<AccessObject> object;  // nullopt: all
};

// Throws Error 42501 if PostgreSQL does not let this connection grant it.
void grant_access(Connection& connection, const AccessChange& change);
// False if there was no such grant. On all: what was granted by name stays. USAGE on a schema goes
// with the last privilege in it, save a schema where the user may create objects.
bool revoke_access(Connection& connection, const AccessChange& change);
// Whether a grant asks for it, by name or on all.
bool has_access(Connection& connection, const AccessChange& change);
// How many grants by name there are, on objects that exist or not.
int64_t grants_by_name(Connection& connection, const std::string& user);
// Revokes everything, by name and on all.
void forget_access(Connection& connection, const std::string& user);
// Takes back what others than the owners have granted to a role on tables, routines and schemas of
// this database, and what it granted onwards: DROP OWNED leaves that.
// REQUIRES: a superuser's connection.
void revoke_foreign_grants(Connection& connection, const std::string& role);
// Applies what is missing in one schema.
void repair_access(Connection& connection, const std::string& schema);

// The event trigger that applies grants to what users recreate with SQL of their own. Does nothing
// unless the connection is a superuser's; idempotent.
void create_access_trigger(Connection& superuser);

}  // namespace metadb::catalog
